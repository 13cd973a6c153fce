//! Every CloudWatch-format request log, decoded into one table of requests.
