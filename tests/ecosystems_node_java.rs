//! The gates on projects of Node and of Java, with their own tools really run. What is expected was counted by hand, or
//! recorded with other programs from the same sources.

mod common;

use common::{Project, Run};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const STAGES: [&str; 3] = ["--stages", "1A,1B", "--no-publish"];
const GREEN: [(&str, &str); 3] = [("install", "pass"), ("tests", "pass"), ("coverage", "pass")];

/// A test that cannot run here says so, and is counted.
fn skipped(reason: &str) {
    let line = format!("SKIPPED: ecosystems: {reason}");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("QTE_SKIPPED_FILE") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a list of the skipped");
        writeln!(file, "{line}").expect("a list of the skipped");
    }
}

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::empty();
    for (path, text) in files {
        project.write(path, text);
    }
    project
}

/// What tools leave beside the project's own files; no gate may leave anything else.
const LEFT: &str = "node_modules\ntarget\nbuild\n.gradle\n.pnp.*\n.yarn\n";

/// Runs the gates, which must leave every file of the project as it was.
fn gate(project: &Project) -> Run {
    project.write(".gitignore", LEFT);
    project.commit();
    let run = project.gate(&STAGES);
    assert_eq!(project.git(&["status", "--porcelain"]), "", "the project was changed");
    run
}

/// Runs a command in the project, which must end well.
fn done(project: &Project, argv: &[&str]) {
    let out = Command::new(argv[0]).args(&argv[1..]).current_dir(&project.root).output();
    let out = out.unwrap_or_else(|e| panic!("{}: {e}", argv[0]));
    assert!(out.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&[out.stdout, out.stderr].concat()));
}

/// Writes npm's lock. None lies in the repository: it would name a registry.
fn lock(project: &Project) -> &Project {
    done(project, &["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"]);
    project
}

#[track_caller]
fn counts(run: &Run, gate: &str, expected: &[(&str, u64)]) {
    for (name, number) in expected {
        assert_eq!(run.metric(gate, name), *number, "{gate}: {name}\n{}", run.said);
    }
}

// --- Node --------------------------------------------------------------------------------------------------------

/// Five lines with statements; `SIGN` runs all but line 4.
const CALC: &str = "exports.add = (a, b) => a + b;\nexports.sign = (x) => {\n  if (x < 0) {\n    return -1;\n  }\n  \
                    return 1;\n};\n";
const SIGN: &str = "sign(2), 1";
const NODE_TEST: &str = "const test = require('node:test');\nconst assert = require('node:assert');\n\
    const calc = require('./calc');\n\ntest('adds', () => assert.equal(calc.add(1, 2), 3));\n\
    test('sign', () => assert.equal(calc.sign(2), 1));\ntest('later', { todo: true, skip: true }, () => {});\n";
const EXPECT: &str = "const calc = require('./calc');\n\ntest('adds', () => {\n  console.log('noise { \"a\": ');\n  \
    expect(calc.add(1, 2)).toBe(3);\n});\ntest('sign', () => expect(calc.sign(2)).toBe(1));\n";
const MOCHA_TEST: &str = "const assert = require('assert');\nconst calc = require('../calc');\n\n\
    it('adds', () => {\n  console.log('noise { \"a\": ');\n  assert.equal(calc.add(1, 2), 3);\n});\n\
    it('sign', () => assert.equal(calc.sign(2), 1));\n";

fn package(script: &str, needs: &[(&str, &str)]) -> String {
    let needs: serde_json::Map<_, _> = needs.iter().map(|(name, range)| (name.to_string(), (*range).into())).collect();
    serde_json::json!({
        "name": "calc", "version": "1.0.0", "main": "calc.js", "license": "MIT",
        "scripts": {"test": script}, "devDependencies": needs,
    })
    .to_string()
}

/// Seven lines in each of two files, of which lines 4 and 5 of calc.js are not run: node counts every line.
#[test]
fn tests_of_node_s_own_runner() {
    let text = package("node --test && no-such-command", &[("is-number", "7.0.0")]);
    let project = project(&[("package.json", &text), ("calc.js", CALC), ("calc.test.js", NODE_TEST)]);
    let run = gate(lock(&project));
    run.ends(0, &GREEN);
    counts(&run, "tests", &[("tests", 3), ("passed", 2), ("skipped", 1)]);
    counts(&run, "coverage", &[("lines_covered", 12), ("lines_total", 14)]);
    // What is there is not fetched again, and nobody's folder is emptied.
    project.write("node_modules/mark", "");
    gate(&project).ends(0, &GREEN);
    assert!(project.exists("node_modules/mark"), "npm ci was run although all was there");
    std::fs::remove_dir_all(project.path("node_modules/is-number")).expect("it was installed");
    gate(&project).ends(0, &GREEN);
    assert!(project.exists("node_modules/is-number/package.json"), "what was missing is fetched");
    project.edit("calc.test.js", SIGN, "sign(2), 5");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail")]);
    counts(&run, "tests", &[("tests", 3), ("passed", 1), ("failed", 1), ("skipped", 1)]);
}

#[test]
fn a_lock_that_does_not_hold_what_is_declared_is_red() {
    let project = project(&[("package.json", &package("node --test", &[])), ("calc.test.js", NODE_TEST)]);
    lock(&project).write("package.json", package("node --test", &[("is-number", "7.0.0")])).write("calc.js", CALC);
    gate(&project).ends(1, &[("install", "fail"), ("tests", "unmeasured")]);
}

/// By jest's own measure, which counts lines with statements. Its threshold would turn the exit code, and without
/// `--ci` it would write the snapshot.
#[test]
fn jest_with_a_threshold_and_a_watch() {
    let text = package("eslint . && jest --watchAll", &[("jest", "^29.7.0")]);
    let threshold = "{\"jest\": {\"coverageThreshold\": {\"global\": {\n\"lines\": 100}}},";
    let text = text.replacen('{', threshold, 1);
    let project = project(&[("package.json", &text), ("calc.js", CALC), ("calc.test.js", EXPECT)]);
    let run = gate(&project);
    run.ends(0, &GREEN).because("coverage", "lines = 100 in package.json:2");
    counts(&run, "tests", &[("tests", 2), ("passed", 2)]);
    counts(&run, "coverage", &[("lines_covered", 4), ("lines_total", 5)]);
    project.edit("calc.test.js", "expect(calc.sign(2)).toBe(1)", "expect(calc.sign(2)).toMatchSnapshot()");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail"), ("coverage", "pass")]);
    counts(&run, "tests", &[("tests", 2), ("passed", 1), ("failed", 1)]);
}

#[test]
fn vitest_with_thresholds_that_do_not_judge() {
    let needs = [("vitest", "^3.2.0"), ("@vitest/coverage-v8", "^3.2.0")];
    let config = "export default {\n  test: { globals: true, coverage: { include: ['calc.js'], thresholds: {\n    lines: 99,\n    \
                  'calc.js': { branches: 98 },\n  } } },\n};\n";
    let files = [
        ("package.json", package("vitest", &needs)),
        ("calc.js", CALC.replace("exports.", "export const ")),
        ("calc.test.js", EXPECT.replace("const calc = require('./calc')", "import * as calc from './calc'")),
        ("vitest.config.mjs", config.to_string()),
    ];
    let project = project(&files.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
    let run = gate(&project);
    run.ends(1, &[("install", "pass"), ("tests", "pass"), ("coverage", "fail")]);
    run.because("coverage", "lines = 99 in vitest.config.mjs:3").because("coverage", "98 in vitest.config.mjs:4");
    counts(&run, "tests", &[("tests", 2), ("passed", 2)]);
    // V8 knows blocks: lines 4 and 5 of seven are not run.
    counts(&run, "coverage", &[("lines_covered", 5), ("lines_total", 7)]);
    project.edit("calc.test.js", "sign(2)).toBe(1)", "sign(2)).toBe(5)");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail"), ("coverage", "fail")]);
    counts(&run, "coverage", &[("lines_covered", 5), ("lines_total", 7)]);
}

/// Without `pretest` the second file is not there; both tools that can measure mocha would fail by their thresholds.
#[test]
fn mocha_measured_by_c8_and_by_nyc() {
    let made = "require('fs').writeFileSync('node_modules/made.js', '')";
    for (script, needs, lines) in [
        ("c8 --check-coverage --lines 100 mocha 'test/**/*.js'", [("mocha", "^11.0.0"), ("c8", "^10.0.0")], (5, 7)),
        ("mocha 'test/**/*.js'", [("mocha", "^11.0.0"), ("nyc", "^17.0.0")], (4, 5)),
    ] {
        let text = package(script, &needs);
        let text = text.replacen("\"scripts\":{", &format!("\"scripts\":{{\"pretest\":\"node -e \\\"{made}\\\"\","), 1);
        let test = format!("require('../node_modules/made.js');\n{MOCHA_TEST}");
        let project = project(&[("package.json", &text), ("calc.js", CALC), ("test/calc.js", &test)]);
        let run = gate(&project);
        assert_eq!(run.verdict("tests")["outcome"], "pass", "{}", run.said);
        counts(&run, "tests", &[("tests", 2), ("passed", 2)]);
        counts(&run, "coverage", &[("lines_covered", lines.0), ("lines_total", lines.1)]);
    }
}

/// Each member by itself; b finds a through the workspace.
fn workspace(root: &str, link: &str) -> Project {
    let a = package("node --test", &[("is-number", "7.0.0")]).replace("\"calc\"", "\"a\"");
    let b = package("node --test", &[("a", link)]).replace("\"calc\"", "\"b\"");
    let test = format!("{NODE_TEST}test('a', () => assert.equal(require('a').add(1, 1), 2));\n");
    project(&[
        ("package.json", root),
        ("packages/a/package.json", &a),
        ("packages/a/calc.js", CALC),
        ("packages/a/calc.test.js", NODE_TEST),
        ("packages/b/package.json", &b),
        ("packages/b/calc.js", CALC),
        ("packages/b/calc.test.js", &test),
    ])
}

#[test]
fn workspaces_of_npm_are_installed_once_and_tested_one_by_one() {
    let root = r#"{"private": true, "workspaces": ["packages/*"], "scripts": {"test": "npm test --workspaces"}}"#;
    let project = workspace(root, "1.0.0");
    let run = gate(lock(&project));
    run.ends(0, &GREEN).because("tests", "packages/a: ").because("tests", "packages/b: ");
    counts(&run, "tests", &[("tests", 7), ("passed", 5), ("skipped", 2)]);
    assert!(!project.exists("packages/a/node_modules"), "installed at the root");
    project.edit("packages/b/calc.test.js", "require('a').add(1, 1), 2", "require('a').add(1, 1), 3");
    gate(&project).ends(1, &[("tests", "fail")]).titled("tests", "packages/b: ");
}

#[test]
fn workspaces_of_pnpm_by_a_pnpm_that_is_fetched() {
    let project = workspace(r#"{"private": true, "scripts": {"test": "pnpm -r test"}}"#, "workspace:*");
    project.write("pnpm-workspace.yaml", "packages:\n  - 'packages/*'\n");
    done(&project, &["npx", "--yes", "pnpm@10", "install", "--lockfile-only"]);
    let run = gate(&project);
    run.ends(0, &GREEN);
    counts(&run, "tests", &[("tests", 7), ("passed", 5), ("skipped", 2)]);
}

/// Yarn 4 makes no node_modules: mocha is found all the same.
#[test]
fn both_kinds_of_yarn() {
    let named = |text: String, manager: &str| text.replacen('{', &format!("{{\"packageManager\": \"{manager}\","), 1);
    let text = named(package("node --test", &[("is-number", "7.0.0")]), "yarn@1.22.22");
    let old = project(&[("package.json", &text), ("calc.js", CALC), ("calc.test.js", NODE_TEST)]);
    done(&old, &["npx", "--yes", "yarn@1.22.22", "install", "--non-interactive"]);
    std::fs::remove_dir_all(old.path("node_modules")).expect("made for the lock");
    let run = gate(&old);
    run.ends(0, &GREEN);
    counts(&run, "tests", &[("tests", 3), ("passed", 2), ("skipped", 1)]);
    let text = named(package("mocha", &[("mocha", "^11.0.0")]), "yarn@4.5.0");
    let new = project(&[("package.json", &text), ("calc.js", CALC), ("test/calc.js", MOCHA_TEST), ("yarn.lock", "")]);
    done(&new, &["npx", "--yes", "@yarnpkg/cli-dist@4.5.0", "install", "--mode=update-lockfile"]);
    let run = gate(&new);
    run.ends(3, &[("install", "pass"), ("tests", "pass"), ("coverage", "unmeasured")]);
    counts(&run, "tests", &[("tests", 2), ("passed", 2)]);
    assert!(run.title("coverage").contains("neither c8 nor nyc"), "{}", run.title("coverage"));
}

/// No runner is known, so nothing is green; with a command and its report, the installation serves that.
#[test]
fn a_script_that_cannot_be_measured_and_the_way_out() {
    let text = package("node own.js", &[("is-number", "7.0.0")]);
    let own = "require('is-number');\nrequire('fs').writeFileSync(process.env.QTE_JUNIT, \
               '<testsuite><testcase classname=\"own\" name=\"one\"/></testsuite>');\n";
    let project = project(&[("package.json", &text), ("calc.js", CALC), ("own.js", own)]);
    let run = gate(&project);
    run.ends(3, &[("install", "pass"), ("tests", "unmeasured"), ("coverage", "unmeasured")]);
    assert!(run.said.err.contains("`node own.js`") || run.said.out.contains("`node own.js`"), "{}", run.said);
    project.write(".github/qte-ci.yml", "tests: {run: node own.js}\ncoverage: {enforce: advise}\n");
    let run = gate(&project);
    run.ends(0, &[("install", "pass"), ("tests", "pass")]);
    counts(&run, "tests", &[("tests", 1), ("passed", 1)]);
}

/// The corpus's own counts (`real/projects.json`), from checkouts at its commits in the folder that QTE_PROJECTS names.
struct Recorded {
    name: &'static str,
    commit: &'static str,
    tests: [(&'static str, u64); 4],
    coverage: [(&'static str, u64); 4],
}

const RECORDED: [Recorded; 2] = [
    Recorded {
        name: "npm-ufo",
        commit: "11308c0bb5cb4a4bc3bfcbdc5c03177b097423e6",
        // 485, and the two of test/types.test-d.ts, for which its script says --typecheck.
        tests: [("tests", 487), ("passed", 487), ("failed", 0), ("skipped", 0)],
        coverage: [("lines_covered", 357), ("lines_total", 365), ("branches_covered", 276), ("branches_total", 312)],
    },
    Recorded {
        name: "npm-commander",
        commit: "ba6d13ddb4243e5913367734f8c159089ffe7834",
        tests: [("tests", 1373), ("passed", 1372), ("failed", 0), ("skipped", 1)],
        coverage: [
            ("lines_covered", 17323),
            ("lines_total", 17363),
            ("branches_covered", 3028),
            ("branches_total", 3049),
        ],
    },
];

#[test]
fn real_projects_at_the_recorded_commits() {
    let Some(checkouts) = std::env::var_os("QTE_PROJECTS").map(PathBuf::from) else {
        let names = RECORDED.map(|truth| truth.name).join(", ");
        return skipped(&format!("QTE_PROJECTS names no folder with checkouts of {names} at the recorded commits"));
    };
    for truth in &RECORDED {
        let project = Project::empty();
        let checkout = checkouts.join(truth.name);
        let checkout = checkout.to_str().expect("a path in UTF-8");
        done(&project, &["git", "clone", "-q", checkout, "."]);
        assert_eq!(project.git(&["rev-parse", "HEAD"]), truth.commit, "{checkout}: not the recorded commit");
        project.write(".git/info/exclude", "/qte-*\n");
        let run = project.gate(&STAGES);
        run.ends(0, &GREEN);
        counts(&run, "tests", &truth.tests);
        counts(&run, "coverage", &truth.coverage);
        assert_eq!(project.git(&["status", "--porcelain"]), "", "the project was changed");
    }
}

/// The numbers above are the corpus's; where it lies beside the project, that is looked up.
#[test]
fn the_recorded_counts_are_the_corpus_s() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/real/projects.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        return skipped("the corpus of real projects is not beside the project");
    };
    let corpus: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (truth, type_tests) in RECORDED.iter().zip([2, 0]) {
        let project = &corpus["projects"][truth.name];
        assert_eq!(project["commit"], truth.commit);
        assert_eq!(project["junit"]["tests"], truth.tests[0].1 - type_tests, "{}", truth.name);
        for (name, number) in truth.coverage {
            assert_eq!(project["lcov"][name], number, "{}: {name}", truth.name);
        }
    }
}

// --- Java --------------------------------------------------------------------------------------------------------

/// JaCoCo counts lines 7, 11, 12 and 14, not the empty private constructor.
const JAVA: &str = "package x;\n\npublic final class Calc {\n    private Calc() {}\n\n    public static int add(int a, int b) {\n        \
    return a + b;\n    }\n\n    public static int sign(int x) {\n        if (x < 0) {\n            return -1;\n        \
    }\n        return 1;\n    }\n}\n";
const JAVA_TEST: &str = "package x;\n\nimport static org.junit.Assert.assertEquals;\n\nimport org.junit.Test;\n\n\
    public class CalcTest {\n    @Test\n    public void adds() {\n        assertEquals(3, Calc.add(1, 2));\n    }\n\n    \
    @Test\n    public void sign() {\n        assertEquals(1, Calc.sign(2));\n    }\n}\n";
const BOTH_SIGNS: &str = "Calc.sign(2) - Calc.sign(-2) - 1";

/// Is this tool there? Node is asked of every machine, Java's tools are not.
fn is_there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success());
    if !found {
        skipped(&format!("{tool} is not on the PATH"));
    }
    found
}

fn pom(inside: &str) -> String {
    format!("<project><modelVersion>4.0.0</modelVersion>{inside}</project>\n")
}

/// Two modules; the first leaves line 12 of its class unrun, the second none.
fn maven(plugins: &str) -> Project {
    let root = pom(&format!(
        "<groupId>x</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging>\
         <modules><module>a</module><module>b</module></modules>\
         <properties><maven.compiler.source>8</maven.compiler.source><maven.compiler.target>8</maven.compiler.target>\
         <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>\
         <dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version>\
         <scope>test</scope></dependency></dependencies>\
         <build><plugins>{plugins}</plugins></build>"
    ));
    let module = |name: &str| {
        let parent = "<parent><groupId>x</groupId><artifactId>all</artifactId><version>1</version></parent>";
        pom(&format!("{parent}<artifactId>{name}</artifactId>"))
    };
    project(&[
        ("pom.xml", &root),
        ("a/pom.xml", &module("a")),
        ("a/src/main/java/x/Calc.java", JAVA),
        ("a/src/test/java/x/CalcTest.java", JAVA_TEST),
        ("b/pom.xml", &module("b")),
        ("b/src/main/java/y/Calc.java", &JAVA.replace("package x", "package y")),
        (
            "b/src/test/java/y/CalcTest.java",
            &JAVA_TEST.replace("package x", "package y").replace("Calc.sign(2)", BOTH_SIGNS),
        ),
    ])
}

#[test]
fn modules_of_maven_without_any_jacoco_of_their_own() {
    if !is_there("mvn") {
        return;
    }
    let project = maven("");
    let run = gate(&project);
    run.ends(0, &[("tests", "pass"), ("coverage", "pass")]);
    counts(&run, "tests", &[("tests", 4), ("passed", 4)]);
    counts(&run, "coverage", &[("lines_covered", 7), ("lines_total", 8)]);
    // Tests that fail are red, and measured all the same; a report of the run before is none.
    project.edit("a/src/test/java/x/CalcTest.java", "assertEquals(3", "assertEquals(4");
    project.edit("a/src/test/java/x/CalcTest.java", "Calc.sign(2)", BOTH_SIGNS);
    std::fs::remove_file(project.path("b/src/test/java/y/CalcTest.java")).expect("it is there");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail")]);
    counts(&run, "tests", &[("tests", 2), ("passed", 1), ("failed", 1)]);
    counts(&run, "coverage", &[("lines_covered", 4), ("lines_total", 8)]);
}

#[test]
fn maven_with_jacoco_of_its_own_and_with_no_place_for_one() {
    if !is_there("mvn") {
        return;
    }
    let own = "<plugin><groupId>org.jacoco</groupId><artifactId>jacoco-maven-plugin</artifactId><version>0.8.12</version>\
               <executions><execution><goals><goal>prepare-agent</goal></goals></execution></executions></plugin>";
    let run = gate(&maven(own));
    run.ends(0, &[("tests", "pass"), ("coverage", "pass")]);
    counts(&run, "coverage", &[("lines_covered", 7), ("lines_total", 8)]);
    let line = "<plugin><artifactId>maven-surefire-plugin</artifactId><configuration><argLine>-Xmx64m</argLine>\
                </configuration></plugin>";
    let run = gate(&maven(line));
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    assert!(run.title("coverage").contains("`-Xmx64m`"), "{}", run.title("coverage"));
}

#[test]
fn gradle_by_a_script_that_is_not_the_project_s() {
    if !is_there("gradle") {
        return;
    }
    let build = "plugins { id 'java' }\nrepositories { mavenCentral() }\n\
                 dependencies {\n    testImplementation 'junit:junit:4.13.2'\n}\n";
    let project = project(&[
        ("settings.gradle", "rootProject.name = 'calc'\n"),
        ("build.gradle", build),
        ("src/main/java/x/Calc.java", JAVA),
        ("src/test/java/x/CalcTest.java", JAVA_TEST),
    ]);
    let run = gate(&project);
    run.ends(1, &[("tests", "pass"), ("coverage", "fail")]);
    counts(&run, "tests", &[("tests", 2), ("passed", 2)]);
    counts(&run, "coverage", &[("lines_covered", 3), ("lines_total", 4)]);
    project.edit("src/test/java/x/CalcTest.java", "assertEquals(3", "assertEquals(4");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail"), ("coverage", "fail")]);
    counts(&run, "tests", &[("tests", 2), ("passed", 1), ("failed", 1)]);
}
