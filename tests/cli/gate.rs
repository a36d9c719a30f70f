//! Golden workflows of a team that judges every change: a shop of twelve Deployments through `check`, `diff`,
//! `audit` and `budget`, every output in its schema; the GitHub action, run by its own commands.

mod published;

use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SERVICES: [&str; 12] = [
    "ad",
    "cart",
    "catalog",
    "checkout",
    "currency",
    "email",
    "frontend",
    "payment",
    "recommend",
    "redis",
    "shipping",
    "web",
];

const HOOK: &str = "        lifecycle: {preStop: {sleep: {seconds: 5}}}\n";
const PROBE: &str = "        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 2}\n";

/// A Deployment and its Service, with these lines in the container.
fn service(name: &str, lines: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 3\n  selector: \
         {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         containers:\n      - name: server\n        image: registry.example/{name}:v1\n        ports: [{{containerPort: \
         8080}}]\n{lines}---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: \
         {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n"
    )
}

/// All twelve; `lines` says what stands in the container of each.
fn shop(lines: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for name in SERVICES {
        let _ = writeln!(text, "{}---", service(name, &lines(name)));
    }
    text
}

fn good(_: &str) -> String {
    format!("{HOOK}{PROBE}")
}

struct Repository(TempDir);

impl Repository {
    /// With the shop as it was, and as a change makes it.
    fn with(after: impl Fn(&str) -> String) -> Repository {
        let repository = Repository(TempDir::new().expect("a folder"));
        repository.write("old/shop.yaml", &shop(good));
        repository.write("new/shop.yaml", &shop(after));
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn rollsim(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
        command.current_dir(self.0.path()).args(arguments.split_whitespace());
        if !arguments.contains("--replications") {
            command.args(["--replications", "12"]);
        }
        command.output().expect("it starts")
    }

    /// Standard output of a run that ends with `code`.
    fn says(&self, arguments: &str, code: i32) -> String {
        let output = self.rollsim(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, arguments: &str, code: i32) -> Value {
        serde_json::from_str(&self.says(arguments, code)).expect("JSON")
    }
}

fn broken(name: &str) -> String {
    match name {
        "web" => PROBE.to_owned(),
        "cart" => HOOK.to_owned(),
        name => good(name),
    }
}

fn in_schema(repository: &Repository, what: &str, document: &Value) {
    let schema: Value =
        serde_json::from_str(&plain(repository, &format!("schema {what}"))).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
}

fn plain(repository: &Repository, arguments: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.current_dir(repository.0.path()).args(arguments.split_whitespace());
    String::from_utf8(command.output().expect("it starts").stdout).expect("text")
}

#[test]
fn a_good_change_passes_and_a_bad_one_is_named_with_its_line_and_a_remedy() {
    let repository = Repository::with(broken);
    assert!(repository.says("check old", 0).contains("12 workloads: 12 pass"));
    let text = repository.says("check new --base old", 1);
    assert!(text.contains("12 workloads: 10 pass, 2 fail"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let check = repository.json("check new --base old --format json", 1);
    in_schema(&repository, "check", &check);
    let rows = check["workloads"].as_array().expect("rows");
    let web = rows.iter().find(|row| row["workload"] == "deployment/web").expect("there");
    let remedy = &web["remedy"]["change"][0];
    assert!(remedy.as_str().is_some_and(|s| s.starts_with("preStop")), "{remedy}");
    let line = web["place"]["line"].as_u64().expect("a line") as usize;
    let there = repository.read("new/shop.yaml");
    let before: Vec<&str> = there.lines().take(line).collect();
    let about = before.iter().rev().find(|l| l.starts_with("metadata")).expect("an object");
    assert!(about.contains("{name: web}"), "line {line}: {about}");
}

#[test]
fn rules_worlds_and_exceptions_are_found_above_the_input() {
    let repository = Repository::with(broken);
    let policy = |allow: &str| {
        format!(
            "schema = 1\n[world]\nrate_per_s = 20\n[[rule]]\nid = \"lossless\"\nexpect = \"lost <= 0.5\"\n\
             on = \"deployment/*\"\n{allow}"
        )
    };
    repository.write("rollsim.toml", &policy(""));
    assert!(repository.says("check new", 1).contains("2 fail"));
    let allow = |name: &str| {
        format!(
            "[[allow]]\nid = \"lossless\"\non = \"deployment/{name}\"\nuntil = 2027-03-31\nwhy = \"being mended\"\n"
        )
    };
    repository.write("rollsim.toml", &policy(&(allow("web") + &allow("cart"))));
    let text = repository.says("check new --today 2027-03-31", 0);
    assert!(text.contains("until 2027-03-31: being mended"), "{text}");
    let text = repository.says("check new --today 2027-04-01", 1);
    assert_eq!(text.matches("the exception ended").count(), 2, "{text}");
    assert!(repository.says("check new --today 2027-04-01 --exit-zero", 0).contains("2 fail"));
    repository.write("rollsim.toml", &policy("[[rule]]\nid = \"x\"\nexpect = \"losst <= 1\"\n"));
    let output = repository.rollsim("check new");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("no figure \"losst\" - did you mean \"lost\"?"), "{message}");
}

#[test]
fn junit_sarif_and_markdown_say_the_same() {
    let repository = Repository::with(broken);
    let outputs = "--junit j.xml --sarif s.sarif --markdown c.md --format github";
    let notes = repository.says(&format!("check new --base old {outputs}"), 1);
    assert!(
        notes.lines().all(|line| line.starts_with("::error file=new/shop.yaml,line=")),
        "{notes}"
    );
    let sarif: Value = serde_json::from_str(&repository.read("s.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), notes.lines().count());
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "new/shop.yaml");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 0), "{result}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
    }
    let junit = repository.read("j.xml");
    assert_eq!(junit.matches("<testsuite ").count(), 12, "{junit}");
    assert_eq!(junit.matches("<failure").count(), results.len(), "{junit}");
    let comment = repository.read("c.md");
    assert_eq!(comment.matches("| ❌ |").count(), 2, "{comment}");
    assert_eq!(comment.matches("| ✅ |").count(), 10, "{comment}");
}

/// A render is the whole truth: what only the one before it holds is gone with it. One of nothing but
/// workloads is their update.
#[test]
fn what_only_the_old_render_holds_is_gone() {
    let repository = Repository(TempDir::new().expect("a folder"));
    let web = service("web", PROBE);
    let (deployment, _) = web.split_once("---").expect("two objects");
    let budget = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 3, \
                  selector: {matchLabels: {app: web}}}\n";
    repository.write("old.yaml", &format!("{web}{budget}"));
    repository.write("whole.yaml", &service("web", HOOK));
    repository.write("part.yaml", &deployment.replace(PROBE, HOOK));
    let gone = "PodDisruptionBudget web is not in the second render";
    for (new, says) in [("whole.yaml", true), ("part.yaml", false)] {
        let answer = repository.says(&format!("run old.yaml {new} --format json"), 0);
        assert_eq!(answer.contains(gone), says, "{new}");
        assert!(!answer.contains("Service web is not in"), "{new}");
        let diff = repository.json(&format!("diff old.yaml {new} --format json"), 0);
        let after = &diff["workloads"][0]["after"];
        assert!(after["lost"]["mean"].as_f64() > Some(0.0), "{new}: requests reach it: {diff}");
    }
}

#[test]
fn a_baseline_tells_the_manifest_from_rollsim() {
    let repository = Repository::with(broken);
    repository.says("check old --write-baseline base/b.json", 0);
    assert!(!repository.says("check old --baseline base/b.json", 0).contains("since"));
    let text = repository.says("check new --baseline base/b.json", 1);
    assert_eq!(text.matches("the manifests or the world changed").count(), 2, "{text}");
    // What another version would have found.
    let mut baseline: Value = serde_json::from_str(&repository.read("base/b.json")).expect("JSON");
    baseline["workloads"]["deployment/ad"]["digest"] = "0".into();
    repository.write("base/b.json", &baseline.to_string());
    let text = repository.says("check old --baseline base/b.json", 0);
    assert_eq!(text.matches("rollsim answers otherwise").count(), 1, "{text}");
}

#[test]
fn a_diff_gives_each_field_its_share_and_says_what_this_rollout_still_loses() {
    let repository = Repository::with(|name| match name {
        "web" => PROBE.to_owned(),
        name => good(name),
    });
    // The change that adds the hook: the pods before it have none.
    let diff = repository.json("diff new old --format json", 0);
    in_schema(&repository, "diff", &diff);
    assert_eq!(diff["unchanged"].as_array().map(Vec::len), Some(11));
    let web = &diff["workloads"][0];
    let lost = |side: &str| web[side]["lost"]["mean"].as_f64().expect("a number");
    assert!(lost("before") > 5.0 && lost("after") < 0.5 && lost("bringing") > 5.0, "{web}");
    let field = &web["fields"][0];
    assert!(field["path"].as_str().is_some_and(|path| path.starts_with("preStop")), "{field}");
    let share = field["lost"].as_f64().expect("tried");
    assert!((share - (lost("after") - lost("before"))).abs() < 1e-6, "{share} {web}");
    assert!(repository.says("diff old new --fail-if-worse", 1).contains("1 loses more"));
    let comment = repository.says("diff old new --format markdown", 0);
    assert!(comment.contains("| deployment/web |"), "{comment}");
}

#[test]
fn an_audit_names_what_does_nothing_and_shows_the_run() {
    let repository = Repository::with(good);
    let lines = "        lifecycle: {preStop: {sleep: {seconds: 5}}}\n        livenessProbe: {tcpSocket: {port: \
                 8080}}\n        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 2}\n";
    repository.write("one.yaml", &service("one", lines));
    let audit = repository.json("audit one.yaml --format json", 0);
    in_schema(&repository, "audit", &audit);
    let rows = audit["workloads"][0]["settings"].as_array().expect("rows");
    let row = |setting: &str| {
        let found =
            rows.iter().find(|row| row["setting"].as_str().is_some_and(|s| s.contains(setting)));
        found.unwrap_or_else(|| panic!("{setting} is not there: {audit}"))
    };
    assert_eq!(row("livenessProbe")["does"], "nothing");
    assert_eq!(row("livenessProbe")["rule"], "probe-never-fails");
    assert_eq!(row("preStop")["does"], "works");
    assert!(row("preStop")["saves"].as_f64().is_some_and(|saves| saves > 5.0));
    let command = row("livenessProbe")["command"].as_str().expect("a command");
    assert!(command.contains("--set livenessProbe=null"), "{command}");
}

#[test]
fn a_budget_counts_deploys_hours_and_prices() {
    let repository = Repository::with(broken);
    let terms = "--objective 99.99 --deploys-per-week 20 --pod-hour 0.05";
    let daily: Vec<String> = (0..24).map(|hour| (10 + 10 * hour).to_string()).collect();
    let daily = daily.join(",");
    let arguments = format!("budget new --workload web {terms} --daily {daily} --format json");
    let budget = repository.json(&arguments, 0);
    in_schema(&repository, "budget", &budget);
    let web = &budget["workloads"][0];
    let number = |key: &str| web[key].as_f64().expect("a number");
    let mean = number("rate_per_s");
    assert!((mean - 125.0).abs() < 1e-9, "{mean}");
    let allowed = 1e-4 * mean * 28.0 * 86_400.0;
    assert!((number("allowed") - allowed).abs() < 1e-3 * allowed, "{web}");
    let spent = web["lost"]["mean"].as_f64().expect("a number") * 80.0;
    assert!((number("spent") - spent).abs() < 1e-6 * spent, "{web}");
    let prices = web["prices"].as_array().expect("prices");
    assert!(prices.len() > 1 && prices[1]["money"].is_number(), "{web}");
    let text = repository.says(&format!("budget new {terms}"), 0);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn the_first_release_that_changes_the_outcome_is_named_with_the_reason() {
    let repository = Repository::with(good);
    // A hook that the API server drops before 1.30: refused there.
    let all =
        repository.json("run new/shop.yaml --workload web --kubernetes 1.28,1.36 --format json", 0);
    let turn = |all: &Value, since: &str| {
        let turns = all["turns"].as_array().expect("turns").clone();
        turns
            .into_iter()
            .find(|turn| turn["since"] == since)
            .unwrap_or_else(|| panic!("{since}: {all}"))
    };
    let ids = |turn: &Value| {
        let changes = turn["changes"].as_array().expect("changes").clone();
        changes
            .iter()
            .map(|change| change["id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert!(ids(&turn(&all, "1.30")).contains(&"pre-stop-sleep".to_owned()), "{all}");
    // minReadySeconds are noticed late before 1.34.
    repository.write(
        "slow.yaml",
        &service("slow", PROBE).replace("replicas: 3", "replicas: 3\n  minReadySeconds: 20"),
    );
    let all = repository.json("run slow.yaml --kubernetes 1.33,1.34 --format json", 0);
    let found = turn(&all, "1.34");
    assert!(ids(&found).contains(&"exact-availability".to_owned()), "{all}");
    assert!(found["parts"].as_array().expect("parts").contains(&"control plane".into()), "{all}");
    let text = repository.says("check slow.yaml --kubernetes 1.33,1.34 --exit-zero", 0);
    assert!(text.contains("2 workloads") && text.contains("slow on 1.33"), "{text}");
}

/// One pod that is replaced after a hook of 15 s, in which it serves.
fn replaced(lines: &str) -> String {
    let recreate = "strategy: {type: Recreate}\n  replicas: 1";
    let hook = "        lifecycle: {preStop: {exec: {command: [sleep, \"15\"]}}}\n";
    service("last", &format!("{hook}{lines}")).replace("replicas: 3", recreate)
}

#[test]
fn releases_that_use_or_probe_terminating_pods_are_found() {
    let repository = Repository::with(good);
    let found = |answer: &Value, since: &str, part: &str, id: &str| {
        let turns = answer["turns"].as_array().expect("turns").clone();
        let turn = turns.iter().find(|turn| turn["since"] == since);
        let turn = turn.unwrap_or_else(|| panic!("{since}: {answer}"));
        assert!(turn["parts"].as_array().expect("parts").contains(&part.into()), "{turn}");
        let changes = turn["changes"].as_array().expect("changes");
        assert!(changes.iter().any(|change| change["id"] == id), "{turn}");
        let lost = turn["lost"].as_array().expect("both run");
        (lost[0].as_f64().expect("a number"), lost[1].as_f64().expect("a number"))
    };
    // Where no pod is ready, kube-proxy uses those that terminate and serve: since 1.26.
    let exec =
        "        readinessProbe: {exec: {command: [ok]}, periodSeconds: 2, failureThreshold: 1}\n";
    repository.write("last.yaml", &replaced(exec));
    let answer = repository.json("run last.yaml --kubernetes 1.25,1.26 --format json", 0);
    let (before, since) = found(&answer, "1.26", "kube-proxy", "terminating-fallback");
    assert!(before > since + 1000.0, "15 s at 100 requests/s: {before} {since}");
    // They serve no longer where a probe says so, which asks a database that has gone: but in 1.35 nobody
    // hears of it.
    repository.write(
        "case.toml",
        "schema = 1\n[app]\ndepends_on = {requests = 0.0, probes = [\"readiness\"]}\n[[fault]]\nwhat = \
         \"dependency\"\nfrom_s = 3.0\nuntil_s = 10.0\n",
    );
    let answer = repository.json("run last.yaml case.toml --kubernetes 1.34,1.36 --format json", 0);
    let (before, since) = found(&answer, "1.35", "kubelet", "exec-readiness-ends");
    assert!(before > since + 400.0, "7 s at 100 requests/s: {before} {since}");
    let (before, since) = found(&answer, "1.36", "kubelet", "exec-readiness-probed");
    assert!(since > before + 400.0, "{before} {since}");
    // Before 1.25 kubelets probed none of them, whatever asks.
    let tcp = exec.replace("exec: {command: [ok]}", "httpGet: {path: /ready, port: 8080}");
    repository.write("last.yaml", &replaced(&tcp));
    repository.write(
        "proxy.toml",
        &format!("{}[kubernetes]\nkube_proxy = \"1.30\"\n", repository.read("case.toml")),
    );
    let lost = |kubelet: &str| {
        let run =
            format!("run last.yaml proxy.toml --set kubernetes.kubelet={kubelet} --format json");
        repository.json(&run, 0)["answers"][0]["lost"]["total"]["mean"].as_f64().expect("a number")
    };
    assert!(lost("1.25") > lost("1.24") + 400.0);
}

/// The commands of the step called so in action.yml.
fn step(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    let text = std::fs::read_to_string(path).expect("there");
    let action: Value = yaml_serde::from_str(&text).expect("YAML");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["name"] == name).expect("a step of this name");
    step["run"].as_str().expect("commands").to_owned()
}

fn shell(folder: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_rollsim")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.current_dir(folder).args(["-c", script]).env("PATH", path);
    command.envs(variables.iter().copied()).output().expect("bash starts")
}

#[test]
#[cfg(unix)]
fn the_action_comments_on_a_change_that_removes_a_probe() {
    let repository = Repository(TempDir::new().expect("a folder"));
    let folder = repository.0.path();
    let git = |arguments: &str| {
        let identity = "git -c user.name=a -c user.email=a@example.com -c commit.gpgsign=false";
        let output = shell(folder, &format!("{identity} {arguments}"), &[]);
        assert!(
            output.status.success(),
            "{arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    repository.write("manifests/web.yaml", &service("web", &good("web")));
    repository.write("manifests/cart.yaml", &service("cart", &good("cart")));
    git("init --quiet");
    git("add .");
    git("commit --quiet -m base");
    let base = git("rev-parse HEAD");
    repository.write("manifests/web.yaml", &service("web", HOOK));
    git("commit --quiet -am change");
    let temporary = repository.path("runner");
    std::fs::create_dir(&temporary).expect("made");
    let file = |name: &str| temporary.join(name).display().to_string();
    let (runner, summary, output) = (file(""), file("summary.md"), file("output"));
    let run = shell(
        folder,
        &step("Check"),
        &[
            ("PATHS", "manifests"),
            ("BASE", ""),
            ("BASE_SHA", &base),
            ("ARGUMENTS", "--replications 12"),
            ("RUNNER_TEMP", &runner),
            ("GITHUB_STEP_SUMMARY", &summary),
            ("GITHUB_OUTPUT", &output),
        ],
    );
    let (notes, errors) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(1), "{notes}{errors}");
    let all = notes.lines().filter(|line| line.starts_with("::error"));
    assert!(all.clone().count() > 0, "{notes}");
    // The container has lost its probe: the note is at the container or below it.
    for line in all {
        assert!(line.starts_with("::error file=manifests/web.yaml,line="), "{line}");
    }
    let comment = std::fs::read_to_string(&summary).expect("a summary");
    assert!(comment.contains("deployment/web") && comment.contains("❌"), "{comment}");
    let outputs = std::fs::read_to_string(&output).expect("outputs");
    assert!(outputs.contains("markdown=") && outputs.contains("sarif="), "{outputs}");
}
