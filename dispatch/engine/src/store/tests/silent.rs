//! A link to PostgreSQL that falls silent: nothing comes, and nobody says that it is cut.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes to `server` and back. Connections that are open when `silence` is told pass nothing from then on, and stay.
async fn link(listener: TcpListener, server: String, silence: watch::Receiver<()>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, mut silence) = (server.clone(), silence.clone());
        silence.mark_unchanged();
        tokio::spawn(async move {
            let (mut client, mut server) = (client, TcpStream::connect(server).await.unwrap());
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                _ = silence.changed() => std::future::pending().await,
            }
        });
    }
}

mod db {
    use ondol_core::journal::{Head, Lane};

    use super::super::super::Store;
    use super::super::fixture::{NOW, batch, chain, postgres, series};
    use super::*;

    #[tokio::test]
    async fn a_commit_whose_link_fell_silent_goes_through_over_another() {
        let Some(db) = postgres().await else { return };
        let mut url = reqwest::Url::parse(&db.url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(at.port())).unwrap();
        let (tell, silence) = watch::channel(());
        tokio::spawn(link(listener, server, silence));

        let store = Store::open(url.as_str()).await.unwrap();
        store.next_life(&"central".parse().unwrap(), 0, NOW).await.unwrap();
        let entries = chain(&series("central", 9, "hanbuk", Lane::Bookings), Head::default(), 2, "{}");
        store.commit(&batch(&entries[..1]), NOW).await.unwrap();
        tell.send(()).unwrap();
        // As the loop does: who gets no answer gives up, and tries again.
        let (next, mut tries) = (batch(&entries[1..]), 0..4);
        let committed = loop {
            assert!(tries.next().is_some(), "every try waited for the silent link");
            if let Ok(committed) =
                tokio::time::timeout(Duration::from_secs(2), store.commit(&next, NOW)).await
            {
                break committed;
            }
        };
        committed.unwrap();
        assert_eq!(db.reopened().await.heads(), store.heads());
    }
}
