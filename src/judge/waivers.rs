//! Waivers held against findings: which one lifts which, and which of them are findings themselves.

use crate::facts::finding::{Finding, Severity};
use crate::facts::pattern::pattern;
use crate::facts::stage::Gate;
use crate::facts::waiver::{Day, Waiver};
use globset::GlobMatcher;

/// A finding in the words that a waiver may speak of it.
pub struct Asked<'a> {
    /// The rule or the advisory, and its other names.
    pub ids: &'a [&'a str],
    pub path: Option<&'a str>,
    /// Name and version.
    pub package: Option<(&'a str, &'a str)>,
}

struct Held {
    waiver: Waiver,
    path: Option<GlobMatcher>,
    used: u64,
}

/// The waivers of one gate on one day.
pub struct Waivers {
    held: Vec<Held>,
    today: Day,
}

impl Waivers {
    pub fn of(gate: Gate, all: &[Waiver], today: Day) -> Waivers {
        let own = all.iter().filter(|w| w.gate == gate).cloned();
        let held = own.map(|waiver| {
            // A pattern that does not compile was refused with the configuration.
            let path = waiver.path.as_deref().and_then(|text| pattern(text).ok()).map(|glob| glob.compile_matcher());
            Held { waiver, path, used: 0 }
        });
        Waivers { held: held.collect(), today }
    }

    /// Does a waiver that counts today lift this? Notes which ones would have.
    pub fn lifts(&mut self, asked: &Asked<'_>) -> bool {
        let mut lifted = false;
        for held in self.held.iter_mut().filter(|held| held.speaks_of(asked)) {
            held.used += 1;
            lifted |= held.waiver.has_scope() && !is_over(&held.waiver, self.today);
        }
        lifted
    }

    /// The first day on which one of those in use does not count any more is the one behind this.
    pub fn until(&self) -> Option<Day> {
        let counts = self.held.iter().filter(|h| h.used > 0 && h.waiver.has_scope() && !is_over(&h.waiver, self.today));
        counts.filter_map(|h| h.waiver.until).min()
    }

    /// Those that are over, that nothing is found for, or that name no scope. They are listed; what they do not lift
    /// stops the run by itself.
    pub fn findings(&self) -> Vec<Finding> {
        let mut out = Vec::new();
        for held in &self.held {
            let waiver = &held.waiver;
            let said = format!("the waiver of {} by {} ({})", waiver.id, waiver.owner, waiver.reason);
            let mut tell = |rule, severity, text: String| out.push(Finding::new(rule, severity, text));
            match waiver.until.filter(|_| is_over(waiver, self.today)) {
                Some(until) => tell(EXPIRED, Severity::Medium, format!("{said} was for no longer than {until}")),
                None if !waiver.has_scope() => tell(
                    SCOPELESS,
                    Severity::Medium,
                    format!("{said} lifts nothing: it names neither `path` nor `package`"),
                ),
                None if held.used == 0 => {
                    tell(UNUSED, Severity::Low, format!("{said} is not needed: nothing was found that it is for"));
                }
                None => {}
            }
        }
        out
    }
}

impl Held {
    fn speaks_of(&self, asked: &Asked<'_>) -> bool {
        let waiver = &self.waiver;
        let named = asked.ids.iter().any(|id| id.eq_ignore_ascii_case(&waiver.id));
        let there = match (&waiver.path, &self.path) {
            (None, _) => true,
            (Some(_), matcher) => {
                asked.path.is_some_and(|path| matcher.as_ref().is_some_and(|matcher| matcher.is_match(path)))
            }
        };
        let package = waiver.package.as_ref().is_none_or(|wanted| {
            asked
                .package
                .is_some_and(|(name, version)| same_package(&wanted.name, name) && wanted.versions.holds(version))
        });
        named && there && package
    }
}

/// Is this rule one of a finding about a waiver?
pub fn is_of_waivers(rule: &str) -> bool {
    [EXPIRED, SCOPELESS, UNUSED].contains(&rule)
}

const EXPIRED: &str = "waiver-expired";
const SCOPELESS: &str = "waiver-scopeless";
const UNUSED: &str = "waiver-unused";

/// `until` is the last day that counts.
fn is_over(waiver: &Waiver, today: Day) -> bool {
    waiver.until.is_some_and(|until| today > until)
}

/// Names as package indexes take them for the same: case, and `-`, `_`, `.` (PEP 503).
pub fn same_package(a: &str, b: &str) -> bool {
    let plain = |name: &str| {
        name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect::<String>()
    };
    a == b || plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiver(id: &str, path: Option<&str>, package: Option<&str>, until: &str) -> Waiver {
        Waiver {
            gate: Gate::Security,
            id: id.into(),
            path: path.map(String::from),
            package: package.map(|p| p.parse().unwrap()),
            reason: "r".into(),
            owner: "o".into(),
            until: Some(until.parse().unwrap()),
            document: None,
        }
    }

    fn of(waivers: &[Waiver], today: &str) -> Waivers {
        Waivers::of(Gate::Security, waivers, today.parse().unwrap())
    }

    fn rules(waivers: &Waivers) -> Vec<String> {
        waivers.findings().into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn a_waiver_counts_through_its_last_day() {
        let all = [waiver("B307", Some("old/**"), None, "2027-01-31")];
        let asked = Asked { ids: &["B307"], path: Some("old/a.py"), package: None };
        let mut on_the_day = of(&all, "2027-01-31");
        assert!(on_the_day.lifts(&asked) && on_the_day.findings().is_empty());
        assert_eq!(on_the_day.until().unwrap().to_string(), "2027-01-31");
        let mut after = of(&all, "2027-02-01");
        assert!(!after.lifts(&asked));
        assert_eq!(rules(&after), ["waiver-expired"]);
    }

    #[test]
    fn scope_is_asked_of_path_and_of_package_with_its_versions() {
        let all = [
            waiver("B307", Some("old/**"), None, "2027-01-31"),
            waiver("CVE-1", None, Some("Foo_Bar<2"), "2027-01-31"),
            waiver("B1", None, None, "2027-01-31"),
        ];
        let mut waivers = of(&all, "2026-01-01");
        assert!(!waivers.lifts(&Asked { ids: &["B307"], path: Some("new/a.py"), package: None }));
        assert!(!waivers.lifts(&Asked { ids: &["B307"], path: None, package: None }));
        let asked =
            |version| Asked { ids: &["GHSA-1", "cve-1"], path: Some("r.txt"), package: Some(("foo-bar", version)) };
        assert!(waivers.lifts(&asked("1.9")) && !waivers.lifts(&asked("2.0")) && !waivers.lifts(&asked("")));
        assert!(!waivers.lifts(&Asked { ids: &["B1"], path: Some("a"), package: None }), "without a scope");
        assert_eq!(rules(&waivers), ["waiver-unused", "waiver-scopeless"]);
    }

    #[test]
    fn waivers_of_other_gates_are_not_asked() {
        let all = [Waiver { gate: Gate::Quality, ..waiver("B307", Some("**"), None, "2027-01-31") }];
        let mut waivers = of(&all, "2026-01-01");
        assert!(!waivers.lifts(&Asked { ids: &["B307"], path: Some("a.py"), package: None }));
        assert!(waivers.findings().is_empty());
    }
}
