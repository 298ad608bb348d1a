//! Step tokens: what proves that a report comes from the attempt that was called.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use crate::domain::{AttemptId, ExecutionId};

/// The header that carries a token, to workers and back.
pub const STEP_TOKEN: &str = "Discovery-Step-Token";
/// Keeps these signatures apart from any others that may be made with the same key.
const PURPOSE: &[u8] = b"discovery step token 1";
/// The length of a block of SHA-256, to which HMAC brings its key.
const BLOCK_BYTES: usize = 64;
const ATTEMPT_BYTES: usize = 16;
const SIGNATURE_BYTES: usize = 32;

/// Not a token that this server signed for the execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the step token was not signed by this server for this execution")]
pub struct Forged;

/// The key that tokens are signed with; it is never shown.
#[derive(Clone)]
pub struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// Makes the key from `secret`: the same secret gives the same key.
    pub fn new(secret: &[u8]) -> Self {
        let mut block = [0; BLOCK_BYTES];
        block[..SIGNATURE_BYTES].copy_from_slice(&Sha256::digest(secret));
        Self(Hmac::new(&block.into()))
    }

    /// The token of `attempt`: the attempt's id and its signature, as text that fits a header.
    pub fn sign(&self, execution: ExecutionId, attempt: AttemptId) -> String {
        let mut token = [0; ATTEMPT_BYTES + SIGNATURE_BYTES];
        let (id, signature) = token.split_at_mut(ATTEMPT_BYTES);
        id.copy_from_slice(attempt.0.as_bytes());
        signature.copy_from_slice(&self.mac(execution, attempt).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The attempt that `token` was signed for, in a time that tells nothing of the right signature.
    pub fn verify(&self, execution: ExecutionId, token: &[u8]) -> Result<AttemptId, Forged> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Forged)?;
        let (id, signature) = bytes.split_first_chunk::<ATTEMPT_BYTES>().ok_or(Forged)?;
        let attempt = AttemptId(Uuid::from_bytes(*id));
        self.mac(execution, attempt).verify_slice(signature).map_err(|_| Forged)?;
        Ok(attempt)
    }

    fn mac(&self, execution: ExecutionId, attempt: AttemptId) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(PURPOSE);
        mac.update(execution.0.as_bytes());
        mac.update(attempt.0.as_bytes());
        mac
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (ExecutionId, AttemptId) {
        (ExecutionId(Uuid::from_u128(1)), AttemptId(Uuid::from_u128(2)))
    }

    #[test]
    fn a_token_proves_its_attempt_to_whoever_has_the_secret() {
        let (execution, attempt) = ids();
        let token = TokenKey::new(b"secret").sign(execution, attempt);
        assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(TokenKey::new(b"secret").verify(execution, token.as_bytes()), Ok(attempt));
        assert_eq!(TokenKey::new(b"Secret").verify(execution, token.as_bytes()), Err(Forged));
        assert_eq!(TokenKey::new(b"secret").verify(ExecutionId(Uuid::from_u128(3)), token.as_bytes()), Err(Forged));
    }

    #[test]
    fn whatever_else_there_is_is_forged() {
        let (execution, attempt) = ids();
        let key = TokenKey::new(b"secret");
        let token = key.sign(execution, attempt).into_bytes();
        for place in 0..token.len() {
            let mut other = token.clone();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.verify(execution, &other), Err(Forged), "changed at {place}");
        }
        let longer = [&token[..], b"AAAA"].concat();
        for other in [&b""[..], b"AAAA", b"\xff\0", &token[..22], &token[..60], &longer] {
            assert_eq!(key.verify(execution, other), Err(Forged));
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", TokenKey::new(b"secret")), "TokenKey(hidden)");
    }
}
