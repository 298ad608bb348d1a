//! The steps of the example workflow.
