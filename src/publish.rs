//! The single way out: what a run tells, turned into text and put on the terminal.

use crate::act::files;
use crate::act::terminal::{self, Manner, Screen};
use crate::facts::event::Event;
use crate::facts::report::Report;
use crate::tell::clean;
use crate::tell::console::{self, Style};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};

/// How much of a command's output goes into the log; the file holds all of it.
const SHOWN_BYTES: u64 = 4 * 1024 * 1024;

/// Shows a run while it goes on, and its end.
pub struct Publisher {
    screen: Screen,
    style: Style,
}

impl Publisher {
    pub fn new(in_actions: bool) -> Publisher {
        let screen = Screen::new(terminal::manner(in_actions));
        let style = Style { colour: terminal::colour() && !in_actions, actions: in_actions };
        Publisher { screen, style }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    pub fn tell(&mut self, event: &Event) {
        match event {
            Event::Note(text) => self.screen.say(&format!("note: {}", self.clean(text))),
            Event::Started { gate, what } => self.screen.started(*gate, &console::label(*gate), &self.clean(what)),
            Event::Doing { gate, line } => self.screen.doing(*gate, &self.clean(line)),
            Event::Output { gate, path } => self.output(&console::label(*gate), path),
            Event::Files { worst, files } => self.screen.say(console::files(worst, *files, self.style).trim_end()),
            // The closing table says the verdict; here only its line goes.
            Event::Judged(verdict, _) => self.screen.ended(verdict.gate),
        }
    }

    fn clean(&self, text: &str) -> String {
        if self.style.actions { clean::actions(text) } else { clean::terminal(text) }
    }

    /// In Actions, a command's output goes into a folded group, where it can command nothing.
    fn output(&self, label: &str, path: &std::path::Path) {
        if self.screen.manner() != Manner::Actions {
            return;
        }
        let (bytes, left_out) = match files::last_bytes(path, SHOWN_BYTES) {
            Ok(end) => end,
            Err(error) => return self.screen.say(&format!("{}: {error}", files::slashed(path))),
        };
        if bytes.is_empty() {
            return;
        }
        let token = format!("qte-{:016x}{:016x}", random(), random());
        self.screen.say(&format!("::group::{label}: output"));
        if left_out > 0 {
            self.screen.say(&format!("({left_out} bytes before this stand in {})", files::slashed(path)));
        }
        self.screen.copy(&clean::stopped(&bytes, &token));
        self.screen.say("::endgroup::");
    }

    /// The closing table and errors, on standard output.
    pub fn close(&self, report: &Report) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(console::closing(report, self.style).as_bytes())?;
        out.flush()
    }
}

/// Unpredictable to the code under test: the seeds of the standard library's hasher come from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
