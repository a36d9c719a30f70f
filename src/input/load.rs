//! Reading what is given: from files to one [`Input`].

use crate::input::autoscaled;
use crate::input::bounds;
use crate::input::cards::{Card, CardKind};
use crate::input::given::Input;
use crate::input::hints;
use crate::input::raw::case::Case;
use crate::input::raw::knative;
use crate::input::raw::manifest::{self, Document};
use crate::input::raw::told::Told;
use crate::input::renders;
use crate::input::rollouts;
use crate::input::subsets;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::source::{self, Base, Source, Text};
use crate::input::text::tree::{Node, quoted};
use crate::input::text::{toml_text, typed, yaml};
use std::path::Path;
use std::sync::Arc;

impl Input {
    /// Reads all sources. Cards are the scenario's, else the defaults.
    ///
    /// # Errors
    /// Whatever cannot be read or understood, with file and line.
    pub fn load(sources: &[Source]) -> Result<Input, Diagnostics> {
        let mut manifests = Vec::new();
        let mut scenarios: Vec<Text> = Vec::new();
        for (argument, source) in sources.iter().enumerate() {
            let texts = source::read(source)?.into_iter().map(|text| Text { argument, ..text });
            let (toml, yaml): (Vec<Text>, Vec<Text>) = texts.partition(is_toml);
            manifests.extend(yaml);
            scenarios.extend(choose_scenario(toml));
        }
        if scenarios.len() > 1 {
            let names: Vec<&str> = scenarios.iter().map(|s| s.name.as_str()).collect();
            let error = Diagnostic::error("", "more than one scenario file");
            return Err(error.found(names.join(", ")).allowed("at most one").into());
        }
        Input::assemble(manifests, scenarios.pop(), "default")
    }

    /// Reads a folder with `case.toml`, `manifest.yaml` and perhaps `update.yaml`: a rollout measured on the
    /// cluster that platform card `measured` describes, of the application that app card `measured` does.
    ///
    /// # Errors
    /// As [`load`](Input::load).
    pub fn load_case(dir: &Path) -> Result<Input, Diagnostics> {
        let base = Base::Disk(dir.to_path_buf());
        let manifests = vec![base.read("manifest.yaml")?];
        let mut input = Input::assemble(manifests, Some(base.read("case.toml")?), "measured")?;
        input.use_app("measured")?;
        if input.case.name.is_none() {
            input.name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        }
        Ok(input)
    }

    fn assemble(
        mut manifests: Vec<Text>,
        scenario: Option<Text>,
        platform: &str,
    ) -> Result<Input, Diagnostics> {
        let mut input = Input {
            every_service: false,
            documents: Vec::new(),
            case: Case::default(),
            case_root: Node::empty_map(),
            case_file: String::new(),
            has_case: scenario.is_some(),
            base: Base::None,
            platform: Arc::new(Card::embedded(CardKind::Platform, platform)?),
            platform_from: None,
            scheduler: Arc::new(Card::embedded(CardKind::Scheduler, "kube-scheduler")?),
            scheduler_from: None,
            balancer_settings: Vec::new(),
            front_settings: Vec::new(),
            card_varied: None,
            apps: Vec::new(),
            clients: Vec::new(),
            proxy_config: None,
            trace: Vec::new(),
            workload: None,
            app_card: None,
            notes: Vec::new(),
            replicas: Vec::new(),
            kustomization: None,
            must_use: Vec::new(),
            whole_case: false,
            told: Told::default(),
            name: manifests.first().map(|m| m.name.clone()).unwrap_or_default(),
        };
        let mut update = None;
        if let Some(text) = scenario {
            input.read_case(&text)?;
            update = input.update_of(&text)?;
            input.manifests_of(&text, &mut manifests)?;
            manifests.retain(|m| Some(&m.name) != update.as_ref().map(|u| &u.name));
        }
        input.kustomization = hints::kustomized(&manifests);
        input.notes.extend(hints::not_applied(&manifests));
        let mut problems = Diagnostics::default();
        for text in &manifests {
            input.add_manifests(text, false, &mut problems);
        }
        if let Some(text) = &update {
            input.add_manifests(text, true, &mut problems);
        }
        if problems.has_errors() {
            return Err(problems);
        }
        if !input.documents.iter().any(|d| d.is_workload()) {
            return Err(no_deployment(&input, &manifests).into());
        }
        renders::mark_updates(&mut input)?;
        rollouts::refer(&mut input)?;
        subsets::serve(&mut input)?;
        autoscaled::fill(&mut input);
        input.refresh()?;
        Ok(input)
    }

    fn read_case(&mut self, text: &Text) -> Result<(), Diagnostics> {
        self.case_root = toml_text::parse(&text.text).map_err(|e| e.into_diagnostic(&text.name))?;
        self.case_file = text.name.clone();
        self.base = text.base.clone();
        self.case = typed_case(&self.case_file, &self.case_root)?;
        self.name = self.case.name.clone().unwrap_or_else(|| text.name.clone());
        if let Some(schema) = self.case.schema.filter(|s| *s != 1) {
            let line = self.case_root.line_of("schema");
            let error = Diagnostic::error(&text.name, "unknown format version").at(line, "schema");
            return Err(error.found(schema.to_string()).allowed("1").into());
        }
        Ok(())
    }

    fn update_of(&self, text: &Text) -> Result<Option<Text>, Diagnostics> {
        match &self.case.update {
            Some(file) => self.referred("update", file, text).map(Some),
            None if text.base.has("update.yaml") => Ok(Some(text.base.read("update.yaml")?)),
            None => Ok(None),
        }
    }

    /// A file that key `key` of the scenario names.
    fn referred(&self, key: &str, file: &str, text: &Text) -> Result<Text, Diagnostics> {
        text.base.read(file).map_err(|error| {
            Diagnostic::error(
                &self.case_file,
                format!("cannot read {}: {}", quoted(file), error.message),
            )
            .at(self.case_root.line_of(key), key)
            .into()
        })
    }

    /// The manifests a scenario names, else those beside it when none were given.
    fn manifests_of(&self, text: &Text, manifests: &mut Vec<Text>) -> Result<(), Diagnostics> {
        if let Some(files) = &self.case.manifests {
            manifests.retain(|m| !m.found);
            for (i, file) in files.iter().enumerate() {
                manifests.push(self.referred(&format!("manifests[{i}]"), file, text)?);
            }
        } else if manifests.is_empty() {
            manifests.extend(text.base.all()?.into_iter().filter(|t| !is_toml(t)));
        }
        Ok(())
    }

    fn add_manifests(&mut self, text: &Text, update: bool, problems: &mut Diagnostics) {
        let (mut roots, twice) = match yaml::parse_all(&text.text) {
            Ok(parsed) => parsed,
            Err(_) if text.found && looks_like_template(&text.text) => {
                return self.notes.push(format!("{} (a template, not a manifest)", text.name));
            }
            Err(e) => {
                let mut error = e.into_diagnostic(&text.name);
                if looks_like_template(&text.text) {
                    error.suggestion = Some(
                        "this looks like a Helm template: give the output of `helm template`"
                            .to_owned(),
                    );
                }
                return problems.push(error);
            }
        };
        if roots.is_empty() && !text.found {
            problems.push(Diagnostic::error(&text.name, "the file holds no Kubernetes object"));
        }
        for key in &twice {
            self.given_twice(text, roots.get(key.document), key, problems);
        }
        roots.retain(|root| !self.told.kubectl_version(root));
        for root in roots {
            let object = root.get("kind").is_some() && root.get("apiVersion").is_some();
            if text.found && !object {
                let note = format!("{} (no Kubernetes object)", text.name);
                // Of a kustomization is said what it would change, if anything.
                if !source::is_kustomization(&text.file) && self.notes.last() != Some(&note) {
                    self.notes.push(note);
                }
                continue;
            }
            let nearly = (!object).then(|| hints::nearly(&root)).flatten();
            let objects = manifest::expand(&text.name, root).and_then(|nodes| {
                let made = |node: Node| knative::made(&node).unwrap_or(vec![node]);
                let nodes: Vec<Node> = nodes.into_iter().flat_map(made).collect();
                nodes.iter().for_each(|node| self.told.managed_fields(node));
                nodes
                    .into_iter()
                    .map(|n| Document::new(&text.name, n, update))
                    .map(|d| d.map(|d| Document { argument: text.argument, ..d }))
                    .collect::<Result<Vec<_>, _>>()
            });
            match objects {
                Ok(objects) => self.documents.extend(objects.into_iter().map(Arc::new)),
                Err(mut more) => {
                    if let (Some(hint), Some(first)) = (nearly, more.0.first_mut()) {
                        first.suggestion = Some(hint.to_owned());
                    }
                    problems.0.extend(more.0);
                }
            }
        }
    }

    /// A key that is given twice: kubectl takes the last. Where that decides what is simulated, it is most
    /// likely a mistake.
    fn given_twice(
        &mut self,
        text: &Text,
        root: Option<&Node>,
        twice: &yaml::Twice,
        problems: &mut Diagnostics,
    ) {
        let message = format!("the key {} is given twice", quoted(&twice.key));
        let (first, last) = &twice.values;
        if root.is_some_and(manifest::is_simulated) && twice.decides() {
            let error = Diagnostic::error(&text.name, message).at(Some(twice.line), &twice.path);
            return problems.push(error.found(format!("{first}, and then {last}")));
        }
        let note = format!("{}:{}: {message}; the last one counts", text.name, twice.line);
        self.notes.push(note);
    }
}

/// Types a scenario; keys it does not know are errors.
pub(crate) fn typed_case(file: &str, root: &Node) -> Result<Case, Diagnostics> {
    bounds::lists(file, root)?;
    let typed = typed::read::<Case>(root, file)?;
    let mut problems = Diagnostics::default();
    for unknown in typed.unknown.iter().take(bounds::UNKNOWN) {
        let mut error = Diagnostic::error(file, format!("unknown key {}", quoted(&unknown.key)))
            .at((unknown.line > 0).then_some(unknown.line), unknown.path.clone())
            .allowed(unknown.known.join(", "));
        error.suggestion = did_you_mean(&unknown.key, unknown.known.iter().copied())
            .map(|known| format!("did you mean \"{known}\"?"));
        problems.push(error);
    }
    if problems.has_errors() { Err(problems) } else { Ok(typed.value) }
}

fn looks_like_template(text: &str) -> bool {
    text.contains("{{") && text.contains("}}")
}

/// By its name, or (standard input) by its first line that says something.
fn is_toml(text: &Text) -> bool {
    let ending = text.file.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    match ending.as_deref() {
        Some("toml") => true,
        Some("yaml" | "yml" | "json") => false,
        _ => {
            let says = |l: &&str| !l.is_empty() && !l.starts_with('#');
            let first = text.text.lines().map(str::trim).find(says).unwrap_or("");
            let section = first.starts_with('[') && first.ends_with(']');
            let assignment = first.split_once('=').is_some_and(|(key, _)| {
                key.trim().chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            });
            section || assignment
        }
    }
}

/// Of several TOML files in a folder: the one called scenario or case, else all.
fn choose_scenario(mut texts: Vec<Text>) -> Vec<Text> {
    let named = |t: &Text| ["scenario.toml", "case.toml"].contains(&t.file.as_str());
    if texts.len() > 1 && texts.iter().filter(|t| named(t)).count() == 1 {
        texts.retain(|t| named(t) || !t.found);
    }
    texts
}

fn no_deployment(input: &Input, manifests: &[Text]) -> Diagnostic {
    let file = manifests.first().map_or(input.case_file.as_str(), |m| m.name.as_str());
    let mut kinds: Vec<&str> = input.documents.iter().map(|d| d.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut error = Diagnostic::error(file, "there is no workload in the input");
    if !kinds.is_empty() {
        error.found = Some(kinds.join(", "));
    }
    error.suggestion = Some(hints::no_deployment(manifests, &kinds));
    error
}
