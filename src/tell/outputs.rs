//! Stub until the real one.
pub fn outputs(_: &crate::facts::report::Report, _: &str, _: Option<&str>) -> Vec<(&'static str, String)> {
    Vec::new()
}
#[derive(Debug, thiserror::Error)]
#[error("clash")]
pub struct Clash;
pub fn file_text(_: &[(&'static str, String)], _: &str) -> Result<String, Clash> {
    Ok(String::new())
}
