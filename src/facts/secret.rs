//! Values that nobody may read in what we write.

/// The text with every secret in it replaced. `secrets`: the longest first, none of them empty.
pub fn hide(text: &str, secrets: &[String]) -> String {
    let mut out = text.to_string();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if out.contains(secret.as_str()) {
            out = out.replace(secret.as_str(), "***");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_what_is_left() {
        let secrets = ["ghs_long_and_more".to_string(), "ghs_long".to_string(), String::new()];
        assert_eq!(hide("a ghs_long_and_more, ghs_longghs_long", &secrets), "a ***, ******");
        assert_eq!(hide("nothing", &secrets), "nothing");
    }
}
