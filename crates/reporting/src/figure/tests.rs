//! Tests of every figure, with typical and with extreme numbers.

use std::collections::BTreeSet;

use self::markup::{assert_well_formed, values};
use super::palette::PALETTE;
use super::scene::{Shape, Text};
use super::*;

mod markup;
#[path = "../../examples/gallery/samples.rs"]
mod samples;

/// Largest size of an SVG.
const MAX_BYTES: usize = 20_000;

/// Largest size of a typical SVG.
const MAX_TYPICAL_BYTES: usize = 8_000;

const NUMBERS: [f64; 8] = [
    f64::NAN,
    f64::INFINITY,
    f64::MAX,
    -1e12,
    1e-9,
    0.0,
    1.0,
    f64::MIN_POSITIVE,
];

const NAMES: [&str; 8] = [
    "",
    "<script>alert(\"1\")</script> & 'more'",
    "line\nbreak\u{0}\u{202e}\u{fffe}",
    "اسم الميزة الطويل جدا في هذا الجدول مع المزيد من الكلمات",
    "👩‍👩‍👧‍👦 family 🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉",
    "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "a",
];

/// A name from `NAMES`, or a name with 300 characters.
fn name(index: usize) -> String {
    match index % 9 {
        8 => "long name ".repeat(30),
        index => NAMES[index].to_owned(),
    }
}

/// Every kind of figure with numbers of one kind.
fn all_kinds(length: usize, number: impl Fn(usize) -> f64) -> Vec<Figure> {
    let pairs: Vec<[f64; 2]> = (0..length)
        .map(|at| [number(at * 2), number(at * 2 + 1)])
        .collect();
    let named: Vec<(String, f64)> = (0..length).map(|at| (name(at), number(at))).collect();
    let first = pairs.first().copied();
    let bin = |at| DistributionBin {
        label: name(at),
        reference: number(at),
        now: number(at + 1),
    };
    let calibration = |at: usize| CalibrationBin {
        mean_probability: number(at),
        share: number(at + 1),
        rows: at as u64 % 3 * 1000,
    };
    let few = length.min(300);
    let cells = (0..few).map(|row| (0..few).map(|column| number(row + column)).collect());
    let names: Vec<String> = (0..few).map(name).collect();
    let series = (0..length.min(9)).map(|series| {
        let shares = (0..length).map(|run| (run % 5 != 3).then_some(number(run + series)));
        (name(series), shares.collect())
    });
    vec![
        history(length, &number).into(),
        Roc {
            points: pairs.clone(),
            operating_point: first,
            area: first.map(|p| p[0]),
        }
        .into(),
        PrecisionRecall {
            points: pairs.clone(),
            operating_point: first,
            prevalence: number(0),
            average_precision: Some(number(1)),
        }
        .into(),
        Gain {
            points: pairs.clone(),
        }
        .into(),
        Lift {
            deciles: (1..).zip(named.iter().map(|pair| pair.1)).collect(),
        }
        .into(),
        Calibration {
            bins: (0..length).map(calibration).collect(),
        }
        .into(),
        Distribution {
            feature: name(1),
            bins: (0..length).map(bin).collect(),
        }
        .into(),
        Effect {
            feature: name(8),
            shape: EffectShape::Curve(pairs.clone()),
        }
        .into(),
        Effect {
            feature: name(4),
            shape: EffectShape::Levels(named.clone()),
        }
        .into(),
        EffectChange {
            feature: name(8),
            names: [name(3), name(6)],
            shapes: [
                EffectShape::Curve(pairs.clone()),
                EffectShape::Line([first.unwrap_or_default(), [number(2), number(3)]]),
            ],
        }
        .into(),
        EffectChange {
            feature: name(4),
            names: [name(1), name(8)],
            shapes: [
                EffectShape::Levels(named.clone()),
                EffectShape::Levels(named.iter().rev().cloned().collect()),
            ],
        }
        .into(),
        PairEffect {
            features: [name(3), name(6)],
            xs: names.clone(),
            ys: names,
            cells: cells.collect(),
        }
        .into(),
        MissingShares {
            runs: (0..length as i64).collect(),
            series: series.collect(),
        }
        .into(),
        Profit {
            points: pairs,
            best: first,
            called: Some(number(2)),
        }
        .into(),
        Durations { stages: named }.into(),
    ]
}

fn history(length: usize, number: &impl Fn(usize) -> f64) -> ScoreHistory {
    let events = [
        Some(RunEvent::Deployment),
        Some(RunEvent::Refusal),
        Some(RunEvent::ByHand),
        None,
    ];
    let point = |at: usize| ScorePoint {
        run: if at == 7 { i64::MAX } else { at as i64 * 3 },
        score: (at % 4 != 1).then_some(number(at)),
        interval: Some([number(at + 1), number(at + 2)]),
        event: events[at % 4],
        has_model_drift: at.is_multiple_of(3),
    };
    ScoreHistory {
        points: (0..length).map(point).collect(),
    }
}

fn cases() -> Vec<(String, Figure)> {
    let mut cases: Vec<(String, Figure)> = samples::typical()
        .into_iter()
        .chain(samples::extreme())
        .map(|(name, figure)| (name.to_owned(), figure))
        .collect();
    let mut add = |case: &str, figures: Vec<Figure>| {
        let named = figures.into_iter().enumerate();
        cases.extend(named.map(|(kind, figure)| (format!("{case}, kind {kind}"), figure)));
    };
    add("empty", all_kinds(0, |_| 0.0));
    add("one point", all_kinds(1, |_| 0.3));
    add("constant", all_kinds(20, |_| 0.25));
    add("zeros", all_kinds(13, |_| 0.0));
    add("tiny", all_kinds(10, |at| at as f64 * 1e-9));
    add("huge", all_kinds(10, |at| at as f64 * 1e12 - 3e12));
    add("huge and alike", all_kinds(10, |at| 1e12 + at as f64));
    add("not numbers", all_kinds(10, |_| f64::NAN));
    add("mixed", all_kinds(40, |at| NUMBERS[at % 8]));
    add("shares", all_kinds(60, |at| (at * 37 % 101) as f64 / 101.0));
    add(
        "many",
        all_kinds(100_000, |at| (at * 7919 % 10_007) as f64 / 10_007.0),
    );
    cases
}

#[test]
fn every_svg_is_well_formed_and_safe() {
    let colors: BTreeSet<&str> = PALETTE.iter().map(|color| color.light).collect();
    for (case, figure) in cases() {
        let svg = figure.svg().expect("a figure");
        assert_well_formed(&svg, &case);
        assert!(svg.len() <= MAX_BYTES, "{case}: {} bytes", svg.len());
        for forbidden in [
            "<script", "style=", "id=", "href", "NaN", "inf\"", "inf ", "opacity",
        ] {
            assert!(!svg.contains(forbidden), "{case}: {forbidden} in {svg}");
        }
        for part in [
            "class=\"figure\"",
            "viewBox=\"0 0 ",
            "role=\"img\"",
            "<title>",
        ] {
            assert!(svg.contains(part), "{case}: no {part}");
        }
        for color in values(&svg, "fill").chain(values(&svg, "stroke")) {
            assert!(color == "none" || colors.contains(color), "{case}: {color}");
        }
    }
}

#[test]
fn a_typical_svg_is_small() {
    for (case, figure) in samples::typical() {
        let size = figure.svg().expect("a figure").len();
        assert!(size <= MAX_TYPICAL_BYTES, "{case}: {size} bytes");
    }
}

#[test]
fn no_text_touches_another_text_or_the_edge() {
    for (case, figure) in cases() {
        let scene = figure.kind().scene();
        let texts = scene.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            _ => None,
        });
        let boxes: Vec<(&Text, [f64; 4])> = texts.map(|text| (text, text_box(text))).collect();
        for (index, (text, [left, top, right, bottom])) in boxes.iter().enumerate() {
            let is_inside =
                *left >= 0.0 && *top >= 0.0 && *right <= scene.size[0] && *bottom <= scene.size[1];
            assert!(is_inside, "{case}: {text:?} {left} {right}");
            let touched = boxes[..index].iter().find(|(_, other)| {
                other[0] < *right && *left < other[2] && other[1] < *bottom && *top < other[3]
            });
            assert!(touched.is_none(), "{case}: {text:?} touches {touched:?}");
        }
    }
}

#[test]
fn every_shape_is_within_the_picture() {
    for (case, figure) in cases() {
        let scene = figure.kind().scene();
        for shape in &scene.shapes {
            let points = match shape {
                Shape::Line { ends, .. } => ends.to_vec(),
                Shape::Rect { corners, .. } => corners.to_vec(),
                Shape::Path { points, .. } | Shape::Polygon { points, .. } => points.clone(),
                Shape::Ring { center, .. } | Shape::Disc { center, .. } => vec![*center],
                Shape::Text(text) => vec![text.at],
            };
            let is_inside = |point: &[f64; 2]| {
                (0.0..=scene.size[0]).contains(&point[0])
                    && (0.0..=scene.size[1]).contains(&point[1])
            };
            assert!(points.iter().all(is_inside), "{case}: {shape:?}");
        }
    }
}

#[test]
fn equal_numbers_give_equal_bytes() {
    for (case, figure) in samples::typical() {
        let again = figure.clone();
        assert_eq!(
            figure.svg().expect("a figure"),
            again.svg().expect("a figure"),
            "{case}"
        );
        let png = figure.png().expect("a picture");
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n", "{case}");
        let [width, height] = figure.kind().scene().size.map(|length| length as u32);
        assert_eq!(png[16..20], (width * 2).to_be_bytes(), "{case}");
        assert_eq!(png[20..24], ((height + 32) * 2).to_be_bytes(), "{case}");
    }
    let one = || Figure::from(samples::profit(1.0)).png().expect("a picture");
    assert_eq!(one(), one());
}

#[test]
fn extremes_are_drawn_as_png() {
    for (_, figure) in samples::extreme() {
        figure.png().expect("a picture");
    }
    for figure in all_kinds(40, |at| NUMBERS[at % 8]) {
        figure.png().expect("a picture");
    }
}

#[test]
fn a_figure_without_data_says_so() {
    for figure in all_kinds(0, |_| 0.0) {
        let svg = figure.svg().expect("a figure");
        assert!(svg.contains(">no data yet</text>"), "{svg}");
        assert!(!figure.description().is_empty());
    }
}

#[test]
fn descriptions_are_one_sentence_with_numbers() {
    for (case, figure) in cases() {
        let text = figure.description();
        assert!(
            text.ends_with('.') && !text.contains(['\n', '\u{202e}']),
            "{case}: {text}"
        );
        assert!(
            !text.contains("NaN") && !text.contains("inf "),
            "{case}: {text}"
        );
    }
    let roc = Roc {
        points: vec![[0.0, 0.0], [1.0, 1.0]],
        operating_point: Some([0.12, 0.588]),
        area: Some(0.8),
    };
    assert_eq!(
        Figure::from(roc).description(),
        "ROC curve: the area under the curve is 0.80; at the model's threshold the true positive \
         rate is 59 % and the false positive rate is 12 %."
    );
}

/// Left, top, right and bottom of a text, as far as letters reach.
fn text_box(text: &Text) -> [f64; 4] {
    let [left, right] = text.ends();
    [left, text.at[1] - 6.0, right, text.at[1] + 7.0]
}
