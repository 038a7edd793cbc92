//! GitHub's own description of its API, cut to the operations that the fake knows: what a request may look like, and
//! the examples that its answers begin from.

use super::message::Request;
use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One edition's operations.
pub struct Schema {
    /// The file, for a validator of its own.
    pub file: PathBuf,
    operations: Vec<Operation>,
}

pub struct Operation {
    method: String,
    path: Vec<String>,
    body: Option<Validator>,
    /// The parameters of the query.
    query: Vec<Value>,
    example: Value,
}

/// The description that the fake of github.com, or of an Enterprise Server, goes by.
pub fn schema(enterprise: bool) -> &'static Schema {
    static EDITIONS: [OnceLock<Schema>; 2] = [OnceLock::new(), OnceLock::new()];
    let name = if enterprise { "ghes-3.17" } else { "api.github.com" };
    EDITIONS[usize::from(enterprise)].get_or_init(|| Schema::read(folder().join(format!("{name}.json"))))
}

impl Schema {
    fn read(file: PathBuf) -> Schema {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let whole: Value = serde_json::from_str(&text).expect("the description is JSON");
        let mut operations = Vec::new();
        for (path, methods) in whole["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                operations.push(Operation::of(method, path, operation));
            }
        }
        Schema { file, operations }
    }

    pub fn find(&self, method: &str, path: &[&str]) -> Option<&Operation> {
        self.operations.iter().find(|o| o.method == method && o.is_at(path))
    }

    /// The example that GitHub gives of an operation's answer.
    pub fn example(&self, method: &str, path: &str) -> Value {
        let path = format!("repos/o/r/{path}");
        let path: Vec<&str> = path.split('/').collect();
        let operation = self.find(method, &path).unwrap_or_else(|| panic!("{method} {path:?} is not described"));
        operation.example.clone()
    }
}

impl Operation {
    fn of(method: &str, path: &str, operation: &Value) -> Operation {
        let body = operation.pointer("/requestBody/content/application~1json/schema");
        let body = body.map(|schema| {
            let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
            options.build(&nullable(schema)).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
        });
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let good = ["200", "201"].iter().find_map(|status| operation["responses"].get(status));
        let examples = good.and_then(|response| response.pointer("/content/application~1json/examples"));
        let example = examples.and_then(Value::as_object).and_then(|all| all.values().next());
        Operation {
            method: method.to_uppercase(),
            path: path.trim_matches('/').split('/').map(str::to_string).collect(),
            body,
            query: parameters.into_iter().filter(|p| p["in"] == "query").collect(),
            example: example.map_or(Value::Null, |e| e["value"].clone()),
        }
    }

    fn is_at(&self, path: &[&str]) -> bool {
        self.path.len() == path.len()
            && self.path.iter().zip(path).all(|(own, asked)| own.starts_with('{') || own == asked)
    }

    /// What the description refuses in a body, in GitHub's words.
    pub fn refuses_body(&self, request: &Request) -> Vec<String> {
        self.body.as_ref().map_or(vec![], |body| body.iter_errors(&request.body).map(|e| words(&e)).collect())
    }

    /// What the description does not know in a query. GitHub itself passes over that.
    pub fn unknown_in_query(&self, request: &Request) -> Vec<String> {
        let fits = |(name, value): &&(String, String)| {
            self.query.iter().any(|parameter| {
                let schema = &parameter["schema"];
                let listed = schema["enum"].as_array().is_none_or(|all| all.iter().any(|one| one == value.as_str()));
                let number = schema["type"] != "integer" || value.parse::<u64>().is_ok();
                parameter["name"] == name.as_str() && listed && number
            })
        };
        request.query.iter().filter(|pair| !fits(pair)).map(|(name, value)| format!("{name}={value}")).collect()
    }
}

/// OpenAPI 3.0 says `nullable` where JSON Schema lists another type.
fn nullable(schema: &Value) -> Value {
    match schema {
        Value::Array(all) => all.iter().map(nullable).collect(),
        Value::Object(object) => {
            let mut out: serde_json::Map<String, Value> =
                object.iter().map(|(key, value)| (key.clone(), nullable(value))).collect();
            if out.remove("nullable") == Some(json!(true)) && out.contains_key("type") {
                return json!({"anyOf": [out, {"type": "null"}]});
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

fn words(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::MaxLength { limit } => {
            let length = error.instance().as_str().map_or(0, |text| text.chars().count());
            format!("Only {limit} characters are allowed; {length} were supplied.")
        }
        Kind::MaxItems { limit } => {
            let length = error.instance().as_array().map_or(0, Vec::len);
            format!("No more than {limit} items are allowed; {length} were supplied.")
        }
        Kind::Required { property } => format!("{property} wasn't supplied."),
        _ => format!("For '{}', {error}.", error.instance_path()),
    }
}

/// Where the cut descriptions lie: made anew when the cut or what is cut from has changed.
fn folder() -> PathBuf {
    if let Some(given) = std::env::var_os("QTE_GITHUB_SCHEMA") {
        return given.into();
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("github");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    // Walls run side by side: the first makes it, under a lock that ends with its holder.
    let lock = fs::File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let wanted = concat!(include_str!("../../github/package.json"), include_str!("../../github/slim.mjs"));
    if fs::read_to_string(folder.join("complete")).unwrap_or_default() != wanted {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/github/slim.mjs");
        let modules = package("@octokit/openapi").join("../..");
        let out = Command::new("node").arg(script).arg(modules).arg(&folder).output();
        let out = out.unwrap_or_else(|e| panic!("node: {e}; it comes from `sh tests/tools.sh`"));
        assert!(out.status.success(), "slim.mjs: {}", String::from_utf8_lossy(&out.stderr));
        fs::write(folder.join("complete"), wanted).expect("a marker");
    }
    folder
}

/// The folder of an installed package. A missing one is a failure, never a skipped test.
pub fn package(name: &str) -> PathBuf {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let tools = || var("QTE_TOOLS").or_else(|| Some(var("HOME")?.join(".cache/qte-ci-tools")));
    let root = var("QTE_GITHUB_NODE").or_else(|| Some(tools()?.join("github"))).expect("HOME or QTE_TOOLS");
    let folder = root.join("node_modules").join(name);
    assert!(folder.join("package.json").exists(), "{} is missing: run `sh tests/tools.sh`", folder.display());
    folder
}
