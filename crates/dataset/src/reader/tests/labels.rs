//! Tests of labels that are texts.

use common::schema::Labels;

use super::categories::parsed;
use super::*;

const TEXT: &str = "x,Churn,corporation,lastmonth_activity,lastyear_activity,number_of_employees\n\
    ,Yes,a,1,2,3\n, No ,b,1,2,3\n,,c,1,2,3\n,NA,d,1,2,3\n,1,e,1,2,3\n,yes,f,1,2,3\n";

fn schema() -> Schema {
    let texts = |text: &str| vec![text.to_owned()];
    Schema {
        target: "churn".into(),
        labels: Labels::new(texts("Yes"), texts("No")).unwrap(),
        ..Schema::default()
    }
}

#[test]
fn texts_are_labels_and_become_0_and_1() {
    for block_bytes in [40, 1 << 16] {
        let rows = parsed(TEXT.as_bytes(), &schema(), block_bytes);
        assert_eq!(rows.labels, [Some(true), Some(false), None, None]);
        let lines = String::from_utf8_lossy(rows.lines(0..4)).into_owned();
        assert_eq!(lines, "a,1,2,3,1\nb,1,2,3,0\nc,1,2,3,\nd,1,2,3,\n");
        let reasons: Vec<&str> = rows.rejections.iter().map(|row| &*row.reason).collect();
        assert_eq!(
            reasons,
            [
                "churn: \"1\" is not a label; positive: \"Yes\"; negative: \"No\"",
                "churn: \"yes\" is not a label; positive: \"Yes\"; negative: \"No\""
            ]
        );
    }
}

#[test]
fn rows_as_they_are_written_are_read_without_the_texts() {
    let written = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,churn\n\
        a,1,2,3,1\nb,1,2,3,0\n";
    let rows = parsed(written.as_bytes(), &schema().as_written(), 1 << 16);
    assert_eq!(rows.labels, [Some(true), Some(false)]);
}
