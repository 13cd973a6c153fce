//! Database credentials that live as long as a session: PostgreSQL roles made, handed out, swept.
