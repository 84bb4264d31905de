//! TLS: ring as its provider, this machine's roots as those that are trusted.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use skein_types::ErrorClass;

/// Chooses ring for everything in this process that speaks TLS and was not given a provider. Whoever runs a client of HTTP calls
/// it first, since such a client needs one even where it never speaks TLS. If one is chosen already, that stays.
///
/// [`crate::Sender`] does not need it: it brings its own.
pub fn install_provider() {
    // Refused if one is installed already. Then that one stays.
    ring::default_provider().install_default().ok();
}

/// Roots that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No certificate in it, or one that cannot be read.
    #[error("certificate {number} of the roots cannot be read")]
    Certificate {
        /// Which, from 1.
        number: usize,
    },
}

impl TrustError {
    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::BadInput
    }
}

/// Whose certificates are believed.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The roots of this machine, as `SSL_CERT_FILE` and `SSL_CERT_DIR` or the system have them. Where there are none, nothing
    /// that speaks TLS can be reached, and the rest can.
    pub fn of_machine() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (known, unreadable) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(known, unreadable, errors = found.errors.len(), "roots of this machine were read");
        Self::in_roots(roots)
    }

    /// These roots and no others, as PEM.
    pub fn only(pem: &[u8]) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem)) {
            let certificate = certificate.map_err(|_| TrustError::Certificate { number })?;
            roots.add(certificate).map_err(|_| TrustError::Certificate { number })?;
        }
        if roots.is_empty() { Err(TrustError::Certificate { number: 1 }) } else { Ok(Self::in_roots(roots)) }
    }

    fn in_roots(roots: RootCertStore) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has what TLS 1.2 and 1.3 need")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }

    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.0
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::CryptoProvider;

    use super::{Trust, TrustError, install_provider};

    #[test]
    fn a_provider_that_is_installed_stays() {
        install_provider();
        let first = CryptoProvider::get_default().unwrap();
        install_provider();
        assert!(std::sync::Arc::ptr_eq(first, CryptoProvider::get_default().unwrap()));
    }

    #[test]
    fn roots_that_are_none_are_refused() {
        for bad in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(
                Trust::only(bad.as_bytes()).unwrap_err(),
                TrustError::Certificate { number: 1 },
                "{bad}"
            );
        }
    }
}
