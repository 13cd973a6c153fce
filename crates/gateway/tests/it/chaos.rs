//! Upstreams and callers that misbehave: nothing is lost without a line in the log.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::attacks::{raw, start_gateway};

#[tokio::test]
async fn a_caller_that_goes_away_has_its_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = start_gateway(&listener.local_addr().unwrap().to_string(), |it| it).await;
    let mut caller = TcpStream::connect(gateway.address).await.unwrap();
    let request = raw::signed_get(&gateway.address.to_string(), "/prod/data/x");
    caller.write_all(&request).await.unwrap();
    let (silent, _) = listener.accept().await.unwrap();
    drop(caller);
    let lines = gateway.log(1).await;
    assert_eq!((&lines[0]["status"], &lines[0]["decision"]), (&"499".into(), &"allowed".into()));
    drop(silent);
    assert!(tokio::time::timeout(Duration::from_secs(20), gateway.stop()).await.unwrap());
}
