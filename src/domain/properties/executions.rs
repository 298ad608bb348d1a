//! What is true of every execution after every move.

use proptest::prelude::*;

use super::checks::{check, check_log};
use super::generators::{definition, small_object};
use super::moves::moves;
use super::run::Run;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, ..ProptestConfig::default() })]

    #[test]
    fn an_execution_does_what_its_model_does_whatever_happens(
        body in definition(),
        data in small_object(),
        moves in moves(),
    ) {
        let mut run = Run::start(&body, &data);
        check(&run);
        for (millis, draw, one) in &moves {
            run.make(*millis, *draw, one);
            check(&run);
        }
        check_log(&run);
        prop_assert_eq!(run.refolded(), run.execution);
    }
}
