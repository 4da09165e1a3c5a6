use common::ledger::DataPosition;
use common::{Config, Schema};
use dataset::Table;
use model::{Form, Model};

/// The configuration of a form, with a JSON array of features.
fn config(form: &str, features: &str) -> Config {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{{"form":"{form}"}},"schema":{{"features":{features}}}}}"#
    );
    Config::parse(std::path::Path::new("/nowhere/config.json"), &text).unwrap()
}

fn train_all(config: &Config, table: &Table) -> Model {
    crate::train(config, table, 0..table.rows(), DataPosition::default()).unwrap()
}

/// A model of [`rows_of_one_number`].
fn trained(rows: usize, form: &str, log_odds: impl Fn(f64) -> f64) -> Model {
    train_all(
        &config(form, r#"["x"]"#),
        &rows_of_one_number(rows, log_odds),
    )
}

/// Rows of one number between -3 and 3. `log_odds` gives the log-odds of leaving.
fn rows_of_one_number(rows: usize, log_odds: impl Fn(f64) -> f64) -> Table {
    let schema = Schema {
        features: vec!["x".into()],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for row in 0..rows {
        let place = row as f64;
        let x = (place * 0.618_034).fract() * 6.0 - 3.0;
        let draw = (place * 0.754_878).fract();
        let label = draw < 1.0 / (1.0 + (-log_odds(x)).exp());
        table.push(row.to_string().as_bytes(), &[x], Some(label));
    }
    table
}

/// A number between 0 and 1, which seems random.
fn noise(row: u32, column: u32) -> f64 {
    (f64::from(row * 7 + column).sin() * 43_758.547)
        .fract()
        .abs()
}

/// Rows of two numbers and a category. With the plan "b", a client with a larger x leaves more often.
/// With the plan "a", a client with a larger x leaves less often.
fn trained_with_pair(form: &str, strength: f64) -> Model {
    let config = config(form, r#"["x","y",{"name":"plan","kind":"category"}]"#);
    let mut table = Table::new(&config.schema);
    for row in 0..1_500 {
        let (x, y) = (noise(row, 1) * 6.0 - 3.0, noise(row, 2));
        let plan = ["a", "b"][usize::from(noise(row, 3) > 0.5)];
        let slope = if plan == "b" { strength } else { -strength };
        let label = noise(row, 4) < 1.0 / (1.0 + (-slope * x).exp());
        let plan = table.add_level(2, plan);
        table.push(row.to_string().as_bytes(), &[x, y, plan], Some(label));
    }
    train_all(&config, &table)
}

#[test]
fn pairs_are_chosen_where_two_features_act_together_and_nowhere_else() {
    let model = trained_with_pair("auto", 1.0);
    assert_eq!(model.predictor.form(), Form::Pairs);
    assert_eq!(model.pair_names(), ["x × plan"]);
    let tried: Vec<Form> = model.forms.iter().map(|result| result.form).collect();
    assert_eq!(tried, [Form::Linear, Form::Curves, Form::Pairs]);
    assert!(model.forms[2].is_chosen);
    assert!(model.forms[2].log_loss < model.forms[1].log_loss - 0.1);
    let scorer = model.scorer();
    let level = |text: &str| dataset::level_code(text);
    let clients = [(2.5, "b"), (-2.5, "b"), (2.5, "a"), (-2.5, "a")];
    let found = clients.map(|(x, plan)| scorer.log_odds(&[x, 0.5, level(plan)]));
    for (found, wanted) in found.iter().zip([2.5, -2.5, -2.5, 2.5]) {
        assert!((found - wanted).abs() < 0.7, "{found} for {wanted}");
    }

    let without = trained_with_pair("auto", 0.0);
    assert_eq!(without.pair_names(), [""; 0]);
    let named = trained_with_pair("pairs", 1.0);
    assert_eq!(
        (named.predictor.form(), named.forms.len()),
        (Form::Pairs, 0)
    );
    assert_eq!(
        trained_with_pair("curves", 1.0).predictor.form(),
        Form::Curves
    );
}

#[test]
fn a_number_with_a_shape_keeps_it_in_every_form() {
    let log_odds_along_x = |form: &str, shape: &str| -> Vec<f64> {
        let features = format!(r#"[{{"name":"x","effect":"{shape}"}},"y"]"#);
        let config = config(form, &features);
        let mut table = Table::new(&config.schema);
        for row in 0..1_500 {
            let (x, y) = (noise(row, 1) * 6.0 - 3.0, noise(row, 2) * 2.0 - 1.0);
            let log_odds = hill(x) + 2.0 * x * y;
            let label = noise(row, 4) < 1.0 / (1.0 + (-log_odds).exp());
            table.push(row.to_string().as_bytes(), &[x, y], Some(label));
        }
        let model = train_all(&config, &table);
        assert_eq!(model.check, model::Check::Confirmed);
        let is_in_pairs = !model.pair_names().is_empty();
        assert_eq!(is_in_pairs, form == "pairs" && shape == "any");
        let model = Model::decode(&model.encode().unwrap()).unwrap();
        let points = (-5..=5).map(|at| f64::from(at) * 0.8);
        let scorer = model.scorer();
        points.map(|x| scorer.log_odds(&[x, 0.25])).collect()
    };
    for form in ["linear", "curves", "pairs", "auto"] {
        let rises = |all: &[f64]| all.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12);
        assert!(rises(&log_odds_along_x(form, "increasing")), "{form}");
        let falls: Vec<f64> = log_odds_along_x(form, "decreasing")
            .iter()
            .map(|it| -it)
            .collect();
        assert!(rises(&falls), "{form}");
        let line = log_odds_along_x(form, "linear");
        let bends = line.windows(3).map(|it| it[0] + it[2] - 2.0 * it[1]);
        assert!(
            bends.into_iter().all(|bend| bend.abs() < 1e-9),
            "{form}: {line:?}"
        );
        if form == "curves" {
            let any = log_odds_along_x(form, "any");
            assert!(!rises(&any) && any[5] > any[0] + 2.0, "{any:?}");
        }
    }
}

#[test]
fn a_window_has_the_pairs_of_the_model() {
    let like = trained_with_pair("auto", 1.0);
    let config = Config {
        schema: like.schema.clone(),
        ..config("auto", r#"["x"]"#)
    };
    let mut table = Table::new(&like.schema);
    for row in 0..400 {
        let plan = table.add_level(2, ["a", "b"][row as usize % 2]);
        let cells = [noise(row, 1), noise(row, 2), plan];
        table.push(
            row.to_string().as_bytes(),
            &cells,
            Some(noise(row, 4) < 0.3),
        );
    }
    let found = crate::train_like(&like, &config, &table, 0..400, DataPosition::default()).unwrap();
    assert_eq!((found.pair_names(), found.c), (like.pair_names(), like.c));
    assert_eq!(found.predictor.form(), Form::Pairs);
}

fn line(x: f64) -> f64 {
    0.8 * x
}

fn hill(x: f64) -> f64 {
    2.0 - x * x
}

#[test]
fn curves_are_chosen_where_they_predict_better_and_lines_elsewhere() {
    let of_line = trained(800, "auto", line);
    assert_eq!(of_line.predictor.form(), Form::Linear);
    assert_eq!((of_line.forms.len(), of_line.c), (2, 1.0));
    assert!(of_line.forms[0].is_chosen && !of_line.forms[1].is_chosen);
    let of_hill = trained(800, "auto", hill);
    assert_eq!(of_hill.predictor.form(), Form::Curves);
    let [line, curves] = of_hill.forms[..] else {
        panic!("two forms: {:?}", of_hill.forms);
    };
    assert!(curves.is_chosen && curves.log_loss < line.log_loss - line.standard_error);
    assert_eq!(of_hill.c, curves.c);
    let effect = &of_hill.predictor.effects().next().unwrap().effect;
    let (top, end) = (effect.value(0.0), effect.value(2.9));
    assert!(top > end + 3.0, "{top} {end}");
}

#[test]
fn a_window_has_the_form_of_the_model_and_lines_if_it_is_short() {
    let like = trained(800, "auto", hill);
    let config = config("auto", r#"["x"]"#);
    let table = rows_of_one_number(800, hill);
    let fitted =
        |rows| crate::train_like(&like, &config, &table, rows, DataPosition::default()).unwrap();
    let long = fitted(300..800);
    assert_eq!((long.predictor.form(), long.c), (Form::Curves, like.c));
    assert_eq!(long.forms, like.forms);
    let short = fitted(650..800);
    assert_eq!((short.predictor.form(), short.c), (Form::Linear, 1.0));
    assert_eq!(short.forms, [], "nobody chose the lines of a short window");
}

#[test]
fn few_rows_have_lines_and_a_named_form_is_kept() {
    let few = trained(150, "auto", hill);
    assert_eq!((few.predictor.form(), few.forms.len()), (Form::Linear, 0));
    let named = trained(800, "linear", hill);
    assert_eq!(
        (named.predictor.form(), named.forms.len()),
        (Form::Linear, 0)
    );
    let named = trained(800, "curves", line);
    assert_eq!(
        (named.predictor.form(), named.forms.len()),
        (Form::Curves, 0)
    );
}
