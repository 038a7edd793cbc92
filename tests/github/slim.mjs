// Cuts the operations that the tests speak of from GitHub's own OpenAPI description, for github.com and Enterprise
// Server: `node slim.mjs NODE_MODULES FOLDER` writes FOLDER/api.github.com.json and FOLDER/ghes-3.17.json.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [modules, folder] = process.argv.slice(2);
const wanted = [
  "post /check-runs", "get /check-runs/{check_run_id}", "patch /check-runs/{check_run_id}",
  "get /check-runs/{check_run_id}/annotations", "get /check-suites/{check_suite_id}",
  "get /check-suites/{check_suite_id}/check-runs", "get /commits/{ref}/check-runs", "get /commits/{ref}/check-suites",
  "get /commits/{commit_sha}/pulls", "get /compare/{basehead}", "post /statuses/{sha}", "get /commits/{ref}/statuses",
  "get /actions/runs/{run_id}", "get /actions/runs/{run_id}/jobs", "get /actions/runs/{run_id}/artifacts",
  "get /actions/runs/{run_id}/attempts/{attempt_number}", "get /actions/jobs/{job_id}",
  "get /actions/runs/{run_id}/attempts/{attempt_number}/jobs", "get /actions/artifacts/{artifact_id}",
  "get /actions/artifacts/{artifact_id}/{archive_format}", "post /deployments", "get /deployments",
  "get /deployments/{deployment_id}", "post /deployments/{deployment_id}/statuses",
  "get /deployments/{deployment_id}/statuses",
];
const prefix = "/repos/{owner}/{repo}";

// Prose and vendor notes are the most of it, and nothing is checked against them.
const bare = (value, inExample = false) => {
  if (Array.isArray(value)) return value.map((item) => bare(item, inExample));
  if (value === null || typeof value !== "object") return value;
  const isProse = (key, item) => key.startsWith("x-") || (key === "description" && typeof item === "string");
  const keep = ([key, item]) => inExample || !isProse(key, item);
  const isData = (key) => inExample || key === "example" || key === "examples";
  return Object.fromEntries(Object.entries(value).filter(keep).map(([key, item]) => [key, bare(item, isData(key))]));
};

for (const name of ["api.github.com", "ghes-3.17"]) {
  const whole = JSON.parse(readFileSync(join(modules, "@octokit/openapi/generated", `${name}.deref.json`), "utf8"));
  // The description leaves most refusals out: they have the shapes that it gives elsewhere.
  const commentErrors = whole.paths[`${prefix}/commits/{commit_sha}/comments`].post.responses;
  const invalid = commentErrors[422].content["application/json"].schema;
  const basic = commentErrors[403].content["application/json"].schema;
  const refused = { ...basic, required: ["message", "documentation_url"] };
  const errors = { 400: refused, 401: refused, 403: refused, 404: refused, 422: invalid, 429: refused };
  const paths = {};
  for (const [method, path] of wanted.map((operation) => operation.split(" "))) {
    const operation = bare(whole.paths[prefix + path][method]);
    for (const [status, schema] of Object.entries(errors)) {
      operation.responses[status] ??= { content: { "application/json": { schema: bare(schema) } } };
    }
    for (const response of Object.values(operation.responses)) {
      response.description = "";
      const json = response.content?.["application/json"];
      if (json) response.content["application/vnd.github+json"] = json;
    }
    (paths[prefix + path] ??= {})[method] = operation;
  }
  const info = { title: name, version: whole.info.version };
  const slim = { openapi: whole.openapi, info, servers: [{ url: "/" }], paths };
  // In one step: a reader never sees half a file.
  writeFileSync(join(folder, `${name}.tmp`), JSON.stringify(slim));
  renameSync(join(folder, `${name}.tmp`), join(folder, `${name}.json`));
}
