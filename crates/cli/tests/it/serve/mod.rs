//! `tollgate serve`, as a user runs it: a process, stock clients, an upstream that wants its token.

mod check;
mod demo;
mod faults;
mod hosts;
mod process;
