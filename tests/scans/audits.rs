//! Audits of dependencies against services on loopback: vulnerable, clean, silent.

use super::common::Project;
use super::{findings, scanned, verified, without};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::TcpListener;

/// A service that answers one path until the test ends; gives its address.
fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    format!("http://{address}")
}

/// OSV's query (https://google.github.io/osv.dev/post-v1-query/): one advisory about six before 1.17.
fn osv() -> String {
    // pip-audit says nothing of the type of what it sends.
    let answer = |body: String| async move {
        let asked: Value = serde_json::from_str(&body).expect("a query");
        let old = asked["package"]["name"] == "six" && asked["version"] == "1.16.0";
        Json(if old { json!({"vulns": [advisory()]}) } else { json!({}) })
    };
    serve(Router::new().route("/v1/query", post(answer))) + "/v1/query"
}

fn advisory() -> Value {
    json!({
        "id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "summary": "Six counts to seven.", "schema_version": "1.6.0",
        "affected": [{
            "package": {"name": "six", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.17.0"}]}]
        }]
    })
}

/// A Python project that depends on one version of six, audited at an address.
fn depends_on(six: &str, service: &str) -> Project {
    let mut project = scanned();
    project.write(".github/qte-ci.yml", without(&["security"]));
    project.write("requirements.txt", format!("# what the shop needs\nsix=={six}\n"));
    project.write("shop.py", super::CLEAN);
    project.set("PIP_AUDIT_VULNERABILITY_SERVICE", "osv").set("PIP_AUDIT_OSV_URL", service);
    project.commit();
    project
}

#[test]
fn a_vulnerable_package_is_red_at_the_line_that_declares_it() {
    let project = depends_on("1.16.0", &osv());
    let run = project.gate(&["--stages=2A"]);
    run.ends(1, &[("audit", "fail")]).titled("audit", "(first PYSEC-2026-1 in requirements.txt:2)");
    let all = findings(&project, "audit");
    assert_eq!((all.len(), &all[0]["path"], &all[0]["line"]), (1, &json!("requirements.txt"), &json!(2)));
    let message = all[0]["message"].as_str().expect("a message");
    assert_eq!(message, "six 1.16.0: Six counts to seven. (mended in six 1.17.0)");
    assert_eq!((run.metric("audit", "audited"), run.metric("audit", "vulnerable")), (1, 1));
    verified(&project);

    let waiver =
        "waivers: [{gate: audit, id: CVE-2026-1, package: \"six<1.17\", reason: r, owner: o, until: 2099-01-01}]\n";
    project.write(".github/qte-ci.yml", without(&["security"]) + waiver);
    let run = project.gate(&["--stages=2A"]);
    run.ends(0, &[("audit", "pass")]).titled("audit", "1 waived until 2099-01-01");
}

#[test]
fn mended_packages_are_green() {
    let project = depends_on("1.17.0", &osv());
    let run = project.gate(&["--stages=2A"]);
    run.ends(0, &[("audit", "pass")]);
    assert_eq!(run.metric("audit", "audited"), 1);
    verified(&project);
}

#[test]
fn a_service_that_nobody_answers_at_is_unmeasured() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let project = depends_on("1.16.0", &format!("http://{closed}/v1/query"));
    let run = project.gate(&["--stages=2A"]);
    run.ends(3, &[("audit", "unmeasured")]).titled("audit", "pip-audit: no report (exit 1)");
    verified(&project);
}

#[test]
fn dependencies_that_are_not_installed_are_not_audited() {
    let project = depends_on("99.99", &osv());
    let run = project.gate(&["--stages=2A"]);
    run.ends(3, &[("audit", "unmeasured")]).titled("audit", "dependencies are not installed");
}

/// npm's bulk endpoint (https://docs.npmjs.com/cli/commands/npm-audit), with one advisory about `left`.
fn npm(answer: Value) -> String {
    let bulk = |State(answer): State<Value>| async move { Json(answer) };
    let gone = || async { axum::http::StatusCode::NOT_FOUND };
    let router = Router::new().route("/-/npm/v1/security/advisories/bulk", post(bulk)).route("/{*any}", get(gone));
    serve(router.with_state(answer))
}

fn locked(registry: &str) -> Project {
    let project = scanned();
    project.config(&without(&["security"]));
    project.write(".npmrc", format!("registry={registry}\nfetch-retries=0\n"));
    let manifest = json!({"name": "shop", "version": "1.0.0", "main": "index.js", "dependencies": {"left": "^1.0.0"}});
    project.write("index.js", "exports.half = (value) => value / 2\n");
    project.write("package.json", serde_json::to_string_pretty(&manifest).expect("JSON"));
    let lock = json!({
        "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": {"name": "shop", "version": "1.0.0", "dependencies": {"left": "^1.0.0"}},
            "node_modules/left": {"version": "1.0.0", "resolved": format!("{registry}/left/-/left-1.0.0.tgz")}
        }
    });
    project.write("package-lock.json", serde_json::to_string_pretty(&lock).expect("JSON"));
    project.commit();
    project
}

#[test]
fn npm_s_audit_is_red_green_and_unmeasured() {
    let advisory = json!({"left": [{
        "id": 7, "url": "https://github.com/advisories/GHSA-1111-2222-3333", "title": "Pads too much",
        "severity": "high", "vulnerable_versions": "<1.1.0", "cwe": [], "cvss": {"score": 7.5, "vectorString": null}
    }]});
    let project = locked(&npm(advisory));
    let run = project.gate(&["--stages=2A"]);
    run.ends(1, &[("audit", "fail")]).titled("audit", "in package.json:");
    verified(&project);

    let project = locked(&npm(json!({})));
    project.gate(&["--stages=2A"]).ends(0, &[("audit", "pass")]);
    verified(&project);

    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let project = locked(&format!("http://{closed}"));
    let run = project.gate(&["--stages=2A"]);
    run.ends(3, &[("audit", "unmeasured")]);
    run.titled("audit", "npm audit: ");
    verified(&project);
}
