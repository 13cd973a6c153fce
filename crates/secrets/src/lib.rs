//! Third parties' secrets: where they come from, how they are kept fresh, and which goes where.
