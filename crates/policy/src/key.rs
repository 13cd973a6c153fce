//! Condition keys: names that compare without regard to case, and find each other quickly.
//!
//! A [`Key`] carries a hash of its lower-cased name, so looking a key up in a request is a scan
//! over a few integers. The constants below name the keys of the IAM guide's global keys page that
//! gateways and logs know; any other key is made with [`Key::new`], also in a `const`.

/// The name of a condition key with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    name: &'a str,
    hash: u64,
}

impl<'a> Key<'a> {
    /// The key of this name, in any case: `aws:SourceIp` and `AWS:sourceip` are equal.
    pub const fn new(name: &'a str) -> Key<'a> {
        Key { name, hash: hash_lower_case(name.as_bytes()) }
    }

    /// The name as given.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.name.eq_ignore_ascii_case(other.name)
    }
}

impl Eq for Key<'_> {}

/// FNV-1a over the ASCII-lower-cased bytes. Collisions cost a comparison of names, nothing else.
pub(crate) const fn hash_lower_case(bytes: &[u8]) -> u64 {
    let mut hash = EMPTY_HASH;
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        hash = hash_on(hash, first.to_ascii_lowercase());
        rest = tail;
    }
    hash
}

/// The hash of what stands before the first colon of a text in lower case, and that of all of it.
#[inline]
pub(crate) fn hash_service_and_all(lower_case: &[u8]) -> (u64, u64) {
    let on = |hash, bytes: &[u8]| bytes.iter().fold(hash, |hash, byte| hash_on(hash, *byte));
    let colon = memchr::memchr(b':', lower_case).unwrap_or(lower_case.len());
    let (service, rest) = lower_case.split_at_checked(colon).unwrap_or((lower_case, &[]));
    let service = on(EMPTY_HASH, service);
    (service, on(service, rest))
}

const EMPTY_HASH: u64 = 0xcbf2_9ce4_8422_2325;

const fn hash_on(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

macro_rules! well_known {
    ($($constant:ident = $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: Key<'static> = Key::new($name);)*
    };
}

well_known! {
    CURRENT_TIME = "aws:CurrentTime";
    EPOCH_TIME = "aws:EpochTime";
    MULTI_FACTOR_AUTH_AGE = "aws:MultiFactorAuthAge";
    MULTI_FACTOR_AUTH_PRESENT = "aws:MultiFactorAuthPresent";
    PRINCIPAL_ACCOUNT = "aws:PrincipalAccount";
    PRINCIPAL_ARN = "aws:PrincipalArn";
    PRINCIPAL_ORG_ID = "aws:PrincipalOrgID";
    PRINCIPAL_TYPE = "aws:PrincipalType";
    REFERER = "aws:Referer";
    REQUESTED_REGION = "aws:RequestedRegion";
    RESOURCE_ACCOUNT = "aws:ResourceAccount";
    SECURE_TRANSPORT = "aws:SecureTransport";
    SOURCE_IDENTITY = "aws:SourceIdentity";
    SOURCE_IP = "aws:SourceIp";
    SOURCE_VPC = "aws:SourceVpc";
    SOURCE_VPCE = "aws:SourceVpce";
    TAG_KEYS = "aws:TagKeys";
    TOKEN_ISSUE_TIME = "aws:TokenIssueTime";
    USER_AGENT = "aws:UserAgent";
    USER_ID = "aws:userid";
    USERNAME = "aws:username";
    VPC_SOURCE_IP = "aws:VpcSourceIp";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_the_same_hash_alone_and_before_its_action() {
        let hashes = |text: &[u8]| (hash_lower_case(b"S3"), hash_lower_case(text));
        assert_eq!(hash_service_and_all(b"s3:getobject"), hashes(b"s3:GetObject"));
        assert_eq!(hash_service_and_all(b"s3"), hashes(b"s3"));
    }

    #[test]
    fn names_compare_without_case_tag_suffix_included() {
        assert_eq!(Key::new("aws:PrincipalTag/Team"), Key::new("AWS:principaltag/TEAM"));
        assert_ne!(Key::new("aws:PrincipalTag/team"), Key::new("aws:PrincipalTag/teams"));
        assert_eq!(SOURCE_IP, Key::new("aws:sourceip"));
    }
}
