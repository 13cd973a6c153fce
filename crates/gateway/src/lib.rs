//! The credential-injecting proxy: verify → authorize → inject → forward → log.
