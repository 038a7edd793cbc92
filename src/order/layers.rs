//! One setting, looked up in the flags, the head's configuration, the base branch's and the defaults; and what the head
//! makes looser than the base branch.

use crate::config::{Config, Field, Seconds, Whose};
use crate::facts::percent::Percent;
use crate::facts::setting::{Enforce, Setting, Source};
use crate::facts::stage::Stage;
use crate::facts::waiver::Waiver;

/// A configuration file with its path for sources.
pub struct Layer<'a> {
    pub config: &'a Config,
    pub path: &'a str,
    pub base: bool,
}

impl Layer<'_> {
    pub fn source(&self, line: u64) -> Source {
        let path = self.path.to_string();
        if self.base { Source::Base { path, line } } else { Source::File { path, line } }
    }
}

/// The configurations that a setting is looked up in.
pub struct Layers<'a> {
    pub head: Layer<'a>,
    pub base: Option<Layer<'a>>,
    pub defaults: &'a Config,
    /// On a pull request the base branch's policy judges.
    pub binding: bool,
}

impl Layers<'_> {
    /// Does the base branch judge what the head loosens? Its own `policy: head` lifts it; the head's word does not.
    pub fn base_binds(&self) -> bool {
        let lifted = |layer: &Layer<'_>| layer.config.policy.get().and_then(|(v, _)| v.copied()) == Some(Whose::Head);
        self.binding && !self.base.as_ref().is_some_and(lifted)
    }

    pub fn effect(&self) -> &'static str {
        if self.base_binds() { " (without effect until merged)" } else { "" }
    }

    /// A setting that always has a value; switching it off falls back to the default.
    pub fn required<T: Clone>(&self, field: impl Fn(&Config) -> &Field<T>) -> Setting<T> {
        self.map_required(field, T::clone)
    }

    pub fn map_required<T, U>(&self, field: impl Fn(&Config) -> &Field<T>, map: impl Fn(&T) -> U) -> Setting<U> {
        if let Some((Some(value), line)) = field(self.head.config).get() {
            return Setting::new(map(value), self.head.source(line));
        }
        let default = field(self.defaults).get().and_then(|(value, _)| value);
        Setting::default(map(default.expect("default.yml sets every required key; its test holds that")))
    }

    pub fn optional<T: Clone>(&self, field: impl Fn(&Config) -> &Field<T>) -> Setting<Option<T>> {
        match field(self.head.config).get() {
            Some((value, line)) => Setting::new(value.cloned(), self.head.source(line)),
            None => Setting::default(field(self.defaults).get().and_then(|(value, _)| value.cloned())),
        }
    }

    /// The stages; on a pull request those of the base that the head leaves out stay.
    pub fn stages(&self, looser: &mut Vec<String>) -> Setting<Vec<Stage>> {
        let of = |layers: &Layers<'_>| {
            layers.map_required(|c| &c.stages, |names| names.iter().map(|n| n.0).collect::<Vec<Stage>>())
        };
        let mut own = of(self);
        let Some(was) = self.of_base().map(|base| of(&base)) else { return own };
        let gone: Vec<Stage> = was.value.iter().filter(|s| !own.value.contains(s)).copied().collect();
        if !gone.is_empty() {
            let names: Vec<&str> = gone.iter().map(|s| s.id()).collect();
            looser.push(format!("stages: {} left out{}", names.join(", "), self.effect()));
            if self.base_binds() {
                own.value.extend(gone);
            }
        }
        own
    }

    /// The base branch's configuration by itself.
    fn of_base(&self) -> Option<Layers<'_>> {
        let base = self.base.as_ref()?;
        let head = Layer { config: base.config, path: base.path, base: true };
        Some(Layers { head, base: None, defaults: self.defaults, binding: false })
    }

    pub fn seconds(&self, field: impl Fn(&Config) -> &Field<Seconds>) -> Setting<u64> {
        self.map_required(field, |s| s.0)
    }

    pub fn enforce(
        &self,
        name: &str,
        looser: &mut Vec<String>,
        field: impl Fn(&Config) -> &Field<Enforce>,
    ) -> Setting<Enforce> {
        let own = self.required(&field);
        let was = self.base.as_ref().map(|layer| match field(layer.config).get() {
            Some((Some(value), line)) => Setting::new(*value, layer.source(line)),
            _ => Setting::default(Enforce::Block),
        });
        match was {
            Some(was) if was.value == Enforce::Block && own.value == Enforce::Advise => {
                looser.push(format!("{name}: block on the base branch, advise here{}", self.effect()));
                if self.base_binds() { was } else { own }
            }
            _ => own,
        }
    }

    /// A choice that is always made; `loose(a, b)`: is `a` looser than `b`?
    pub fn choice<T: Copy + std::fmt::Display>(
        &self,
        name: &str,
        given: Option<Setting<T>>,
        looser: &mut Vec<String>,
        loose: impl Fn(&T, &T) -> bool,
        field: impl Fn(&Config) -> &Field<T>,
    ) -> Setting<T> {
        let is_flag = given.is_some();
        let own = given.unwrap_or_else(|| self.required(&field));
        let Some(base) = self.of_base() else { return own };
        // As with thresholds, a flag is held only against what the base branch's file sets by its own word.
        if is_flag && !matches!(field(base.head.config).get(), Some((Some(_), _))) {
            return own;
        }
        let was = base.required(&field);
        if !loose(&own.value, &was.value) {
            return own;
        }
        looser.push(format!("{name}: {} on the base branch, {} here{}", was.value, own.value, self.effect()));
        if self.base_binds() { was } else { own }
    }

    /// The version of each tool; one that no line of ours installs is refused.
    pub fn tools(&self) -> Result<Vec<(String, Setting<String>)>, String> {
        let known: Vec<&str> = self.defaults.tools.keys().map(String::as_str).collect();
        if let Some((name, field)) = self.head.config.tools.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let line = field.get().map_or(0, |(_, line)| line);
            let near =
                crate::config::nearest(name, &known).map_or(String::new(), |n| format!(" (did you mean `{n}`?)"));
            let (path, known) = (self.head.path, known.join(", "));
            return Err(format!(
                "{path}:{line}: tools: `{name}` is no tool that qte-ci installs{near}; known: {known}"
            ));
        }
        let of = |config: &Config, name: &str| config.tools.get(name).cloned().unwrap_or_default();
        Ok(known
            .iter()
            .map(|name| {
                let own = of(self.head.config, name);
                let setting = match own.get() {
                    Some((Some(version), line)) => Setting::new(version.clone(), self.head.source(line)),
                    _ => Setting::default(
                        of(self.defaults, name).get().and_then(|(v, _)| v.cloned()).unwrap_or_default(),
                    ),
                };
                (name.to_string(), setting)
            })
            .collect())
    }

    /// The waivers; on a pull request only those that the base has too.
    pub fn waivers(&self, looser: &mut Vec<String>) -> Result<Setting<Vec<Waiver>>, String> {
        let mut own: Setting<Vec<Waiver>> = self.required(|c| &c.waivers);
        own.value.iter().try_for_each(Waiver::check).map_err(|why| format!("{}: {why}", own.source))?;
        let Some(was) = self.of_base().map(|base| base.required(|c| &c.waivers)) else { return Ok(own) };
        let added: Vec<String> =
            own.value.iter().filter(|w| !was.value.contains(w)).map(|w| format!("{} ({})", w.id, w.gate)).collect();
        if !added.is_empty() {
            looser.push(format!("waivers: {} added{}", added.join(", "), self.effect()));
            if self.base_binds() {
                own.value.retain(|w| was.value.contains(w));
            }
        }
        Ok(own)
    }

    /// A threshold. `strict(a, b)`: is `a` at least as strict as `b`? Off is looser than any value.
    pub fn limit<T: Copy + std::fmt::Display>(
        &self,
        name: &str,
        given: Option<Setting<Option<T>>>,
        looser: &mut Vec<String>,
        strict: impl Fn(&T, &T) -> bool,
        field: impl Fn(&Config) -> &Field<T>,
    ) -> Setting<Option<T>> {
        // A flag stands in the workflow, of which the base branch's file knows nothing: it is held only
        // against what that file sets by its own word.
        let is_flag = given.is_some();
        let own = given.unwrap_or_else(|| self.optional(&field));
        let Some(base) = &self.base else { return own };
        let was = match field(base.config).get() {
            Some((value, line)) => Setting::new(value.copied(), base.source(line)),
            None if is_flag => return own,
            None => Setting::default(field(self.defaults).get().and_then(|(value, _)| value.copied())),
        };
        let is_looser = match (&own.value, &was.value) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(now), Some(was)) => !strict(now, was),
        };
        if !is_looser {
            return own;
        }
        let show = |v: &Option<T>| v.map_or("off".to_string(), |p| p.to_string());
        looser.push(format!(
            "{name}: {} on the base branch, {} here{}",
            show(&was.value),
            show(&own.value),
            self.effect()
        ));
        if self.base_binds() { was } else { own }
    }
}

/// Path thresholds of the head; on a pull request those of the base that the head lowers or drops stay.
pub fn paths(layers: &Layers<'_>, looser: &mut Vec<String>) -> Vec<(String, Setting<Percent>)> {
    let of = |layer: &Layer<'_>| -> Vec<(String, Setting<Percent>)> {
        let set = layer.config.coverage.paths.iter();
        set.filter_map(|(pattern, field)| {
            let (value, line) = field.get()?;
            Some((pattern.clone(), Setting::new(*value?, layer.source(line))))
        })
        .collect()
    };
    let mut out = of(&layers.head);
    let Some(base) = &layers.base else { return out };
    for (pattern, was) in of(base) {
        let now = out.iter_mut().find(|(p, _)| *p == pattern);
        if now.as_ref().is_some_and(|(_, s)| s.value >= was.value) {
            continue;
        }
        let is = now.as_ref().map_or("gone".to_string(), |(_, s)| s.value.to_string());
        looser.push(format!(
            "coverage.paths `{pattern}`: {} on the base branch, {is} here{}",
            was.value,
            layers.effect()
        ));
        if layers.base_binds() {
            match now {
                Some((_, setting)) => *setting = was,
                None => out.push((pattern, was)),
            }
        }
    }
    out
}

/// Exclusions of the head; on a pull request only those that the base has too.
pub fn excludes(
    layers: &Layers<'_>,
    name: &str,
    looser: &mut Vec<String>,
    field: impl Fn(&Config) -> &Field<Vec<String>>,
) -> Setting<Vec<String>> {
    let mut own: Setting<Vec<String>> = layers.required(&field);
    let Some(was) = layers.of_base().map(|base| base.required(&field)) else { return own };
    let added: Vec<String> = own.value.iter().filter(|p| !was.value.contains(p)).cloned().collect();
    if !added.is_empty() {
        looser.push(format!("{name}: {} added{}", added.join(", "), layers.effect()));
        if layers.base_binds() {
            own.value.retain(|p| was.value.contains(p));
        }
    }
    own
}
