//! An account on disk: its principals, APIs and the policies that apply to them.
