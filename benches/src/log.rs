//! An access log, and the columns of it that the full report needs.

use std::fmt::Write;

use tollgate_log::{Field, Projection};

/// The columns that the full report needs.
pub fn report() -> Projection {
    Projection::of([
        Field::Time,
        Field::ApiId,
        Field::Stage,
        Field::Method,
        Field::ResourcePath,
        Field::RouteKey,
        Field::Path,
        Field::Status,
        Field::ResponseLatency,
        Field::IntegrationLatency,
        Field::IntegrationStatus,
        Field::UserArn,
        Field::Caller,
        Field::User,
        Field::PrincipalOrgId,
        Field::SourceIp,
        Field::UserAgent,
        Field::VpcId,
        Field::VpceId,
        Field::ErrorType,
        Field::Action,
        Field::Resource,
        Field::Upstream,
        Field::Credential,
        Field::RateLimit,
        Field::RateRemaining,
        Field::RateUsed,
        Field::RateReset,
        Field::RateResource,
        Field::RatePolicy,
        Field::RateState,
        Field::TokenLimit,
        Field::TokenRemaining,
        Field::TokenReset,
        Field::RetryAfter,
    ])
}

/// Pseudo-random numbers, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// At least so many bytes of log, of the shape that an IAM-authorized proxy writes: 22 values a
/// line, some 600 bytes, few lines alike.
pub fn access_log(bytes: usize) -> String {
    let mut random = Random(1);
    let mut log = String::with_capacity(bytes + 1024);
    let mut ms = 1_763_700_000_000;
    while log.len() < bytes {
        ms += random.below(23);
        let (role, session, repository) = (random.below(120), random.below(40), random.below(512));
        let (id, ip, remaining) = (random.below(u64::MAX), random.below(254), random.below(15_000));
        let (latency, length) = (random.below(900), random.below(9000));
        let clock = (ms / 1000) % 60;
        // Writing to a string cannot fail.
        let _ = writeln!(
            log,
            "{{\"requestId\":\"{id:016x}-4fff-a000-000000000000\",\"stage\":\"prod\",\
             \"ip\":\"10.0.0.{ip}\",\
             \"userArn\":\"arn:aws:sts::123456789012:assumed-role/role-{role}/session-{session}\",\
             \"userAgent\":\"python-requests/2.31.0\",\
             \"requestTime\":\"21/Nov/2025:04:40:{clock:02} +0000\",\"requestTimeEpoch\":{ms},\
             \"httpMethod\":\"GET\",\"resourcePath\":\"/github/repos/{{owner}}/{{repo}}/issues\",\
             \"path\":\"/github/repos/acme/repo-{repository}/issues\",\"status\":\"200\",\
             \"responseLength\":\"{length}\",\"responseLatency\":\"{latency}\",\
             \"integrationLatency\":\"{latency}\",\"integrationStatus\":\"200\",\
             \"errorMessage\":\"-\",\"errorType\":\"-\",\"upstream\":\"github\",\
             \"rlLimit\":\"15000\",\"rlRemaining\":\"{remaining}\",\"rlReset\":\"1763703600\",\
             \"retryAfter\":\"-\"}}"
        );
    }
    log
}

#[cfg(test)]
mod tests {
    use tollgate_analyzer::Analysis;

    use super::*;

    #[test]
    fn the_report_needs_no_other_column() {
        let decoded = report();
        let missing = Analysis::default().projection().fields();
        let missing: Vec<Field> = missing.filter(|field| !decoded.contains(*field)).collect();
        assert_eq!(missing, []);
    }
}
