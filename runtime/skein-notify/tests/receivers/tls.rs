//! Receivers that speak TLS, by certificates in `pem/`.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use skein_notify::Trust;

/// Believes the certificates of these tests and no others.
pub(crate) fn roots() -> Trust {
    Trust::only(include_bytes!("pem/root.pem")).unwrap()
}

pub(crate) type Secured = StreamOwned<ServerConnection, TcpStream>;

/// Goes on over TLS, as `localhost` and `127.0.0.1`.
pub(crate) fn secured(stream: TcpStream) -> Secured {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("pem/localhost.pem"));
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("pem/localhost.key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
}
