//! The secret of a driver: typed at sign-in, or added by a feature-phone driver to a text.
//!
//! It is short, so its digest is keyed with a key that central and its edges share and that is in no
//! database, and tries are bounded.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use ondol_core::ids::DriverId;

/// Shortest secret, in bytes.
pub const DRIVER_SECRET_MIN: usize = 4;
/// Longest secret, in bytes.
pub const DRIVER_SECRET_MAX: usize = 64;

/// The digest that the roster holds, hexadecimal. `key` is [`crate::vault::Secrets::derive`] of `driver-secret`.
#[must_use]
pub fn driver_secret_digest(key: &[u8; 32], driver: DriverId, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut mac = hmac::Context::with_key(&key);
    mac.update(b"ondol-driver-secret/1");
    mac.update(driver.0.as_bytes());
    mac.update(secret.as_bytes());
    mac.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// True if `secret` is the one of `digest`. An empty digest, of a driver without a secret, matches nothing.
#[must_use]
pub fn is_driver_secret(key: &[u8; 32], driver: DriverId, secret: &str, digest: &str) -> bool {
    let well_formed = (DRIVER_SECRET_MIN..=DRIVER_SECRET_MAX).contains(&secret.len());
    let made = driver_secret_digest(key, driver, secret);
    well_formed && verify_slices_are_equal(made.as_bytes(), digest.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_serves_one_driver_and_one_key() {
        let (one, two) = (DriverId::from_number(1), DriverId::from_number(2));
        let digest = driver_secret_digest(&[1; 32], one, "4821");
        assert!(is_driver_secret(&[1; 32], one, "4821", &digest));
        assert!(!is_driver_secret(&[1; 32], two, "4821", &digest));
        assert!(!is_driver_secret(&[2; 32], one, "4821", &digest));
        assert!(!is_driver_secret(&[1; 32], one, "4822", &digest));
        assert!(!is_driver_secret(&[1; 32], one, "4821", ""));
        let empty = driver_secret_digest(&[1; 32], one, "");
        assert!(!is_driver_secret(&[1; 32], one, "", &empty), "no secret is no secret");
    }
}
