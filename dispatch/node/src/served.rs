//! Whether a node serves a store now: a second process would begin another life of it and end the one that serves.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ondol_engine::clock::{Clock as _, RealClock};
use ondol_engine::config::Config;
use ondol_engine::control::reachable;
use ondol_engine::store::Store;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Wall time after which a node that wrote nothing does not run.
const SILENT: Duration = Duration::from_secs(5);
/// Longest wait for a connection on this machine.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Who serves the store of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// A node, which takes orders at its address.
    ByNode,
    /// Nobody: a process may open it.
    ByNobody,
}

/// Looks who serves the store of `config`; where that is not plain at once, looks again after [`SILENT`].
///
/// # Errors
///
/// If it cannot be told: the store cannot be read, or a process that does not listen writes to it.
pub(crate) async fn look(config: &Config) -> anyhow::Result<Served> {
    look_with(config, tokio::time::sleep(SILENT)).await
}

/// `silence` ends when a node that runs has surely written.
async fn look_with(config: &Config, silence: impl Future<Output = ()>) -> anyhow::Result<Served> {
    // The door first: it does not depend on clocks.
    if is_listened_to(config).await? {
        return Ok(Served::ByNode);
    }
    let served_at = async || Store::last_served(&config.store.url).await.context("store.url");
    let Some(before) = served_at().await? else { return Ok(Served::ByNobody) };
    let clock = RealClock::new(&config.clock);
    #[allow(clippy::cast_possible_truncation, reason = "a clock runs at most a thousand times faster")]
    let silent_ms = (SILENT.as_secs_f64() * 1_000.0 * clock.speed()) as i64;
    if clock.now().utc.since_ms(before) > silent_ms {
        return Ok(Served::ByNobody);
    }
    // It ended a moment ago, or begins and does not listen yet, or a clock was set back.
    silence.await;
    if is_listened_to(config).await? {
        Ok(Served::ByNode)
    } else if served_at().await?.is_none_or(|after| after == before) {
        Ok(Served::ByNobody)
    } else {
        bail!("store.url: a process that does not listen at {} writes to this store", config.listen.address)
    }
}

/// True if somebody listens at the node's address, false if this machine says that nobody does.
async fn is_listened_to(config: &Config) -> anyhow::Result<bool> {
    let address = reachable(config.listen.address);
    let unknown = || format!("listen.address: whether a node runs at {address} cannot be told");
    match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await.with_context(unknown)? {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(error).with_context(unknown),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use ondol_core::units::UtcMs;

    use super::*;

    struct Place {
        config: Config,
        listener: Option<TcpListener>,
        _folder: tempfile::TempDir,
    }

    /// A configuration whose port this test holds.
    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = format!(
            "districts = [{{ id = \"hanbuk\", zones = [\"hanbuk-1\"] }}]\n\
             [node]\nid = \"central\"\nrole = \"standalone\"\n\
             [listen]\naddress = \"{}\"\n\
             [store]\nurl = \"sqlite://{}\"\n\
             [keys]\nmaster = \"unused\"\nnode = \"unused\"\n",
            listener.local_addr().unwrap(),
            folder.path().join("node.db").display(),
        );
        Place { config: config.parse().unwrap(), listener: Some(listener), _folder: folder }
    }

    impl Place {
        /// A node begins a life, or writes in it, at `at`.
        async fn served(&self, at: UtcMs) {
            let store = Store::open(&self.config.store.url).await.unwrap();
            store.next_life(&self.config.node.id, 0, at).await.unwrap();
        }

        async fn look(&self) -> anyhow::Result<Served> {
            look_with(&self.config, async {}).await
        }
    }

    #[tokio::test]
    async fn who_listens_serves_however_old_the_last_commit_looks() {
        let mut place = place();
        place.served(UtcMs(0)).await;
        assert_eq!(place.look().await.unwrap(), Served::ByNode);
        place.listener = None;
        assert_eq!(place.look().await.unwrap(), Served::ByNobody);
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_yet_is_served_by_nobody_and_one_that_cannot_be_read_is_not_guessed_at()
    {
        let mut place = place();
        place.listener = None;
        assert_eq!(place.look().await.unwrap(), Served::ByNobody);
        let (_, file) = place.config.store.url.split_once("://").unwrap();
        std::fs::write(file, b"").unwrap();
        assert_eq!(place.look().await.unwrap(), Served::ByNobody, "a store without tables");
        std::fs::write(file, [b'x'; 4_096]).unwrap();
        assert!(format!("{:#}", place.look().await.unwrap_err()).contains("store.url"));
    }

    #[tokio::test]
    async fn a_store_that_was_written_to_a_moment_ago_is_looked_at_again() {
        let mut place = place();
        place.listener = None;
        let now = RealClock::new(&place.config.clock).now().utc;
        for at in [now, now.plus_ms(86_400_000)] {
            place.served(at).await;
            assert_eq!(place.look().await.unwrap(), Served::ByNobody, "nothing was written since");
            let writes = place.served(at.plus_ms(1_000));
            let said = look_with(&place.config, writes).await.unwrap_err().to_string();
            assert!(said.contains("writes to this store"), "{said}");
        }
        let listener = std::cell::OnceCell::new();
        let begins = async {
            listener.set(TcpListener::bind(place.config.listen.address).unwrap()).unwrap();
        };
        assert_eq!(look_with(&place.config, begins).await.unwrap(), Served::ByNode);
    }
}
