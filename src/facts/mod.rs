//! The words every room shares. Constructors refuse nonsense; nothing here reads, decides or prints.

pub mod coverage;
pub mod detail;
pub mod diff;
pub mod event;
pub mod evidence;
pub mod external_id;
pub mod finding;
pub mod found;
pub mod fresh;
pub mod history;
pub mod pattern;
pub mod percent;
pub mod report;
pub mod secret;
pub mod setting;
pub mod stage;
pub mod test_list;
pub mod tests;
pub mod tree;
pub mod verdict;
pub mod version;
pub mod view;
pub mod waiver;
