//! Speed and memory, compared within a run.
