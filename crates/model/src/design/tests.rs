use common::schema::{CategoryRules, Feature};

use dataset::passes::{CategoryCounts, ColumnProfile, ColumnValues, Sample, profile};
use dataset::{Table, level_code};

use super::levels::MAX_CATEGORY_LEVELS;
use super::*;

fn schema() -> Schema {
    Schema {
        features: vec![
            "x".into(),
            Feature {
                name: "plan".into(),
                kind: Kind::Category(CategoryRules::default()),
            },
            "y".into(),
        ],
        ..Schema::default()
    }
}

/// A table with the given number of rows of each level.
fn table(levels: &[(&str, usize)]) -> Table {
    let mut table = Table::new(&schema());
    for (level, rows) in levels {
        for row in 0..*rows {
            let code = table.add_level(1, level);
            table.push(row.to_string().as_bytes(), &[1.0, code, 2.0], None);
        }
    }
    table
}

fn design(levels: &[(&str, usize)]) -> Design {
    let table = table(levels);
    Design::choose(
        &schema(),
        &profile(&schema(), &table, &table.all()).unwrap(),
    )
}

fn texts(design: &Design) -> Vec<&str> {
    texts_of(design, 1)
}

fn texts_of(design: &Design, feature: usize) -> Vec<&str> {
    let terms = design.terms(feature + 1).into_iter();
    let levels = terms.filter_map(|term| match term.encoding {
        Encoding::Level(level) if term.feature == feature => Some(level.text()),
        _ => None,
    });
    levels.collect()
}

#[test]
fn frequent_levels_have_an_indicator_each_and_all_others_one_together() {
    let design = design(&[("rare", 9), ("b", 10), ("common", 30), ("a", 10)]);
    assert_eq!(texts(&design), ["common", "a", "b"]);
    assert_eq!(
        (design.width(3), design.has_only_number_columns()),
        (6, false)
    );
    let terms = design.terms(3);
    assert_eq!(
        terms.iter().map(|it| it.feature).collect::<Vec<_>>(),
        [0, 1, 1, 1, 1, 2]
    );
    let values = |cell: f64| -> Vec<f64> {
        let of_category = terms.iter().filter(|term| term.feature == 1);
        of_category.map(|term| term.value(|_| cell)).collect()
    };
    assert_eq!(values(level_code("a")), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(values(level_code("rare")), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(values(level_code("never seen")), [0.0, 0.0, 0.0, 1.0]);
    assert!(values(f64::NAN).iter().all(|value| value.is_nan()));
    assert_eq!(terms[0].value(|_| 7.5), 7.5);
}

#[test]
fn ten_missing_cells_are_a_level_and_fewer_are_imputed() {
    for (missing, is_level) in [(9, false), (10, true)] {
        let mut table = table(&[("a", 12)]);
        for row in 0..missing {
            table.push(row.to_string().as_bytes(), &[1.0, f64::NAN, 2.0], None);
        }
        let design = Design::choose(
            &schema(),
            &profile(&schema(), &table, &table.all()).unwrap(),
        );
        let terms = design.terms(3);
        assert_eq!(terms.len(), design.width(3));
        let values = |cell: f64| -> Vec<f64> {
            let of_category = terms.iter().filter(|term| term.feature == 1);
            of_category.map(|term| term.value(|_| cell)).collect()
        };
        if is_level {
            assert_eq!(values(f64::NAN), [0.0, 0.0, 1.0]);
            assert_eq!(values(level_code("a")), [1.0, 0.0, 0.0]);
            assert_eq!(values(level_code("new")), [0.0, 1.0, 0.0]);
        } else {
            assert!(values(f64::NAN).iter().all(|value| value.is_nan()));
        }
    }
}

#[test]
fn of_many_levels_the_fifty_most_frequent_have_columns() {
    let names: Vec<String> = (0..70).map(|level| format!("level {level:02}")).collect();
    let levels: Vec<(&str, usize)> = names
        .iter()
        .enumerate()
        .map(|(level, name)| (name.as_str(), 10 + usize::from(level >= 60)))
        .collect();
    let found = design(&levels);
    let found = texts(&found);
    assert_eq!(found.len(), MAX_CATEGORY_LEVELS);
    assert_eq!((found[0], found[10]), ("level 60", "level 00"));
}

/// The profile of a category with `levels` levels; `rows` returns the number of rows of each.
fn profiled(name: &str, levels: usize, rows: impl Fn(usize) -> u64) -> ColumnProfile {
    let level = |level| LevelCount {
        level: format!("level {level:02}"),
        rows: rows(level),
    };
    ColumnProfile {
        name: name.into(),
        missing: 0,
        values: ColumnValues::Levels(CategoryCounts {
            levels: (0..levels).map(level).collect(),
            others: 0,
        }),
    }
}

#[test]
fn of_many_categories_the_most_frequent_levels_of_all_have_columns() {
    let category = |number: usize| Feature {
        name: format!("category {number}"),
        kind: Kind::Category(CategoryRules::default()),
    };
    let schema = Schema {
        features: (0..20).map(category).collect(),
        ..Schema::default()
    };
    let rows =
        |feature: usize| move |level: usize| if feature == 7 { 900 } else { 99 - level as u64 };
    let profile = Profile {
        rows: 1_000_000,
        columns: (0..20)
            .map(|it| profiled("category", 60, rows(it)))
            .collect(),
        sample: Sample::default(),
    };
    let design = Design::choose(&schema, &profile);
    assert_eq!(design.width(20), 20 + MAX_LEVELS);
    assert_eq!(design.flaw(&schema), None);
    let levels = |feature| texts_of(&design, feature).len();
    // One category has 50 columns. The 19 others share 150, and the first ones have one more.
    assert_eq!([6, 7, 8, 17, 18].map(levels), [8, 50, 8, 8, 7]);
    assert_eq!(texts_of(&design, 19).last(), Some(&"level 06"));
}

#[test]
fn a_design_of_other_columns_is_rejected() {
    let design = design(&[("a", 10), ("b", 10)]);
    assert_eq!(design.flaw(&schema()), None);
    assert!(Design::default().flaw(&schema()).is_some());
    assert!(design.flaw(&Schema::default()).is_some());
    assert_eq!(Design::default().flaw(&Schema::default()), None);
    let with = |levels: &[&str]| Design {
        groups: vec![Group::Category(Category {
            feature: 1,
            levels: levels
                .iter()
                .map(|level| Level::from((*level).to_owned()))
                .collect(),
            missing: false,
        })],
    };
    for levels in [&["a", "a"][..], &[" a"], &[""]] {
        assert!(with(levels).flaw(&schema()).is_some(), "{levels:?}");
    }
    assert_eq!(with(&[]).flaw(&schema()), None);
}
