//! How the processes of a run reach each other: straight, or through links that can be cut.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::chaos::link::Link;

/// The city's riders, drivers and operators, as a caller.
pub(crate) const CITY: &str = "city";
/// The text process.
pub(crate) const TEXT: &str = "sms";

/// Links by caller and called; none at all in a run that is not harmed.
#[derive(Debug, Default)]
pub(crate) struct Routes(BTreeMap<(String, String), Link>);

impl Routes {
    /// Opens a link from each node, the city and the text process to each other node.
    ///
    /// # Errors
    ///
    /// If a link cannot be opened.
    pub(crate) fn through_links(nodes: &[(String, u16)]) -> Result<Routes> {
        let callers = nodes.iter().map(|(name, _)| name.as_str()).chain([CITY, TEXT]);
        let mut links = BTreeMap::new();
        for caller in callers {
            for (called, port) in nodes.iter().filter(|(called, _)| called != caller) {
                links.insert((caller.to_owned(), called.clone()), Link::open(*port)?);
            }
        }
        Ok(Routes(links))
    }

    /// Returns the URL under which `caller` finds `called`, which listens on `port`.
    pub(crate) fn url(&self, caller: &str, called: &str, port: u16) -> String {
        let link = self.0.get(&(caller.to_owned(), called.to_owned()));
        format!("http://127.0.0.1:{}", link.map_or(port, Link::port))
    }

    /// Returns the links of which `chosen` says yes to caller and called.
    pub(crate) fn links(&self, chosen: impl Fn(&str, &str) -> bool) -> impl Iterator<Item = &Link> {
        self.0.iter().filter(move |((caller, called), _)| chosen(caller, called)).map(|(_, link)| link)
    }
}
