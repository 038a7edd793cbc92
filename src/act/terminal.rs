//! The terminal: a line for each running gate where somebody watches, plain lines elsewhere.

use crate::facts::stage::Gate;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Lines that move, on a terminal.
    Live,
    /// One line at a time.
    Plain,
    /// As plain, with groups and safe workflow commands.
    Actions,
}

/// What standard error is.
pub fn manner(in_actions: bool) -> Manner {
    match (in_actions, std::io::stderr().is_terminal()) {
        (true, _) => Manner::Actions,
        (false, true) => Manner::Live,
        (false, false) => Manner::Plain,
    }
}

/// Should standard output be coloured? (no-color.org, and `TERM=dumb`)
pub fn colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    !set("NO_COLOR") && !dumb && std::io::stdout().is_terminal()
}

/// Standard error while gates run.
pub struct Screen {
    manner: Manner,
    lines: MultiProgress,
    bars: BTreeMap<Gate, ProgressBar>,
}

impl Screen {
    pub fn new(manner: Manner) -> Screen {
        Screen { manner, lines: MultiProgress::new(), bars: BTreeMap::new() }
    }

    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        if self.manner == Manner::Live {
            // A terminal that went away takes no more lines; the verdict does not depend on it.
            self.lines.println(line).unwrap_or(());
        } else {
            let mut err = std::io::stderr().lock();
            writeln!(err, "{line}").unwrap_or(());
        }
    }

    /// Bytes as they are, for a command's whole output.
    pub fn copy(&self, bytes: &[u8]) {
        std::io::stderr().lock().write_all(bytes).unwrap_or(());
    }

    pub fn started(&mut self, gate: Gate, label: &str, what: &str) {
        if self.manner != Manner::Live {
            self.say(&format!("{label} {what}"));
            return;
        }
        let bar = self.lines.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("  {prefix:14} {elapsed:>4}  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(label.to_string());
        bar.set_message(what.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.bars.insert(gate, bar);
    }

    pub fn doing(&self, gate: Gate, line: &str) {
        if let Some(bar) = self.bars.get(&gate) {
            bar.set_message(line.to_string());
        }
    }

    pub fn ended(&mut self, gate: Gate) {
        if let Some(bar) = self.bars.remove(&gate) {
            bar.finish_and_clear();
        }
    }
}
