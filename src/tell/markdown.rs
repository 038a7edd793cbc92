//! Stub until the real one.
pub fn fenced(foreign: &str, _: usize) -> String {
    foreign.to_string()
}
