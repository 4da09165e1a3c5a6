//! Attacks by invalid numbers, and by numbers at the limits of floating point.

use serde_json::{Value, json};

use super::predict;
use crate::api::{CSV, HEADER, problem, serving};
use crate::server::body_of;

#[test]
fn numbers_that_are_none_are_refused_with_their_place() {
    let (_workspace, server) = serving(&[]);
    for cell in [
        "Infinity", "-inf", "1e999", "0x1F", "１２", "1_000", "1,5", "12 k", "1e", "--1", "٣",
    ] {
        let quoted = cell.replace('"', "");
        let csv = format!("{HEADER}a,1,\"{quoted}\",3\n");
        let answer = predict(&server, &[CSV], csv.as_bytes());
        assert_eq!(problem(&answer), "422 row-invalid", "{cell}");
        let shown: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
        assert_eq!(shown["errors"][0]["column"], "lastyear_activity");
        assert_eq!(
            (&shown["errors_total"], &shown["errors"][0]["row"]),
            (&json!(1), &json!(1))
        );
    }
    for cell in [
        "NaN", "Infinity", "1e999", "0x1F", "1_000", "+1", ".5", "01",
    ] {
        let json = format!(
            "[{{\"corporation\":\"a\",\"lastmonth_activity\":{cell},\"lastyear_activity\":2,\"number_of_employees\":3}}]"
        );
        let answer = predict(
            &server,
            &["Content-Type: application/json"],
            json.as_bytes(),
        );
        assert_eq!(problem(&answer), "400 json-invalid", "{cell}");
    }
    // A missing value is not a number, but it is allowed.
    let answer = predict(&server, &[CSV], format!("{HEADER}a,NaN,,null\n").as_bytes());
    let shown: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
    assert_eq!(shown["imputed"], 3);
}

#[test]
fn probabilities_stay_probabilities_whatever_the_numbers() {
    let (_workspace, server) = serving(&[]);
    let mut csv = String::from(HEADER);
    for number in ["1e308", "-1e308", "1.7976931348623157e308", "5e-324", "-0"] {
        csv.push_str(&format!(
            "a,{number},0,0\nb,{number},{number},{number}\nc,-1e308,{number},1e308\n"
        ));
    }
    let answer = predict(&server, &[CSV], csv.as_bytes());
    let answer: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
    let probabilities = answer["probabilities"].as_array().expect("probabilities");
    assert_eq!(probabilities.len(), 15);
    for probability in probabilities {
        let probability = probability.as_f64().expect("a number");
        assert!((0.0..=1.0).contains(&probability), "{probability}");
    }
}
