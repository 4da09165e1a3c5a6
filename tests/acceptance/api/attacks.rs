//! What a hostile client tries: each attack gets its answer in time, and the server answers on.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};
use training::Model;

use super::{CSV, HEADER, HOST, ROWS, problem, serving, still_answers};
use crate::server::{Server, body_of, rest_of, status_of};

/// An answer within this is an answer at once, on the slowest machine.
const AT_ONCE: Duration = Duration::from_secs(20);

fn predict(server: &Server, headers: &[&str], body: &[u8]) -> String {
    let headers = [&[HOST], headers].concat();
    let began = Instant::now();
    let answer = server.send("POST /prediction", &headers, body);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    answer
}

fn predict_path(server: &Server, path: &str) -> String {
    predict(
        server,
        &["Content-Type: application/json"],
        json!(path).to_string().as_bytes(),
    )
}

#[test]
fn no_spelling_of_a_path_leads_out_of_the_open_folders() {
    let (workspace, server) = serving(&[]);
    workspace.write("secret.csv", ROWS);
    workspace.write("data/testdata/rows.csv", ROWS);
    let absolute = workspace.path("secret.csv").display().to_string();
    for path in [
        "../secret.csv",
        "secret.csv",
        "./secret.csv",
        &absolute,
        "data/testdata/../../secret.csv",
        "data/testdata/./../../secret.csv",
        "data/testdata//..//..//secret.csv",
        "data\\testdata\\..\\..\\secret.csv",
        "data/testdata/..%2f..%2fsecret.csv",
        "data/testdata/%2e%2e/%2e%2e/secret.csv",
        "data/testdata/..;/secret.csv",
        "data/testdata/....//....//secret.csv",
        "data/testdata/rows.csv\0.txt",
        "data/testdata/rows.csv/../../../secret.csv",
        "~/secret.csv",
        "/etc/passwd",
        "/etc/passwd\0.csv",
        "/proc/self/environ",
        "/proc/self/root/etc/hosts.csv",
        "/proc/self/cwd/secret.csv",
        "/dev/stdin",
        "/dev/fd/0",
        "file:///etc/passwd",
        "http://127.0.0.1:9/x.csv",
        "//evil.example/share/x.csv",
        "production_deployment/current/manifest.json",
        "data/state/history.db",
        "",
    ] {
        let answer = predict_path(&server, path);
        let found = problem(&answer);
        let is_refused = matches!(
            found.as_str(),
            "403 path-not-allowed" | "404 file-not-found"
        );
        assert!(is_refused, "{path:?}: {found}");
        let base = workspace.path("").display().to_string();
        assert!(!answer.contains(base.trim_end_matches('/')), "{answer}");
    }
    // Whether a file exists elsewhere cannot be learnt.
    for path in [
        "secret.csv",
        "no-secret.csv",
        "/etc/hosts.csv",
        "/etc/no.csv",
    ] {
        assert_eq!(
            problem(&predict_path(&server, path)),
            "403 path-not-allowed",
            "{path}"
        );
    }
    assert_eq!(
        status_of(&predict_path(&server, "data/testdata/rows.csv")),
        200
    );
}

#[test]
fn links_pipes_and_devices_within_an_open_folder_are_neither_read_nor_waited_for() {
    let (workspace, server) = serving(&[]);
    workspace.write("secret/secret.csv", ROWS);
    let inside = |name: &str| workspace.path("data/testdata").join(name);
    symlink("../../secret/secret.csv", inside("link.csv")).expect("a link");
    symlink("../../secret", inside("folder")).expect("a link");
    symlink("/proc/self/environ", inside("proc.csv")).expect("a link");
    symlink("/dev/zero", inside("zero.csv")).expect("a link");
    let make =
        |name: &str, kind, device| mknodat(rustix::fs::CWD, inside(name), kind, Mode::RUSR, device);
    make("pipe.csv", FileType::Fifo, 0).expect("a pipe");
    // Only root may make a device.
    let has_device = make("device.csv", FileType::CharacterDevice, makedev(1, 5)).is_ok();
    for name in [
        "link.csv",
        "folder/secret.csv",
        "proc.csv",
        "zero.csv",
        "pipe.csv",
    ]
    .into_iter()
    .chain(has_device.then_some("device.csv"))
    {
        let answer = predict_path(&server, &format!("data/testdata/{name}"));
        assert_eq!(problem(&answer), "403 path-not-allowed", "{name}");
    }
    still_answers(&server);
}

#[test]
fn a_file_swapped_for_a_link_while_it_is_asked_for_is_never_followed() {
    let (workspace, server) = serving(&[]);
    workspace.write("secret.csv", ROWS.replace("Calm Co", "Hidden Co"));
    workspace.write("data/testdata/good.csv", ROWS);
    let inside = |name: &str| workspace.path("data/testdata").join(name);
    symlink("../../secret.csv", inside("bad.csv")).expect("a link");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = inside("swapped.csv");
            while !is_over.load(Ordering::Relaxed) {
                for from in ["good.csv", "bad.csv"] {
                    let beside = inside("beside");
                    let made = if from == "bad.csv" {
                        symlink("../../secret.csv", &beside)
                    } else {
                        fs::hard_link(inside("good.csv"), &beside)
                    };
                    made.expect("made");
                    rename(&beside, &path);
                }
            }
        });
        let mut statuses = [0, 0];
        for _ in 0..300 {
            let answer = predict_path(&server, "data/testdata/swapped.csv");
            assert!(!answer.contains("Hidden"), "{answer}");
            match status_of(&answer) {
                200 => statuses[0] += 1,
                403 | 404 => statuses[1] += 1,
                other => panic!("{other}: {answer}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert_ne!(statuses, [0, 0]);
    });
    still_answers(&server);
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
fn rename(from: &std::path::Path, to: &std::path::Path) {
    fs::rename(from, to).expect("renamed");
}

#[test]
fn a_compressed_bomb_is_stopped_long_before_it_is_unpacked() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&zeros).expect("packed");
    }
    let bomb = encoder.finish().expect("packed");
    let before = server.peak_mib();
    for kind in [CSV, "Content-Type: application/json"] {
        let answer = predict(&server, &[kind, "Content-Encoding: gzip"], &bomb);
        assert_eq!(problem(&answer), "413 body-too-large");
    }
    let grown = server.peak_mib() - before;
    assert!(grown < 160, "{grown} MiB");
    still_answers(&server);
}

#[test]
fn a_body_without_end_is_cut_off_at_the_limit() {
    let (_workspace, server) = serving(&[("limits.body_bytes", json!(1 << 20))]);
    still_answers(&server);
    let before = server.peak_mib();
    let mut stream = server.connect();
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0;
    while stream.write_all(chunk.as_bytes()).is_ok() {
        sent += chunk.len();
        assert!(sent < 1 << 28, "nobody stops it");
        if sent > 1 << 22 {
            break;
        }
    }
    let answer = rest_of(&mut stream);
    // A reset may have come before the answer was read.
    assert!(
        answer.is_empty() || problem(&answer) == "413 body-too-large",
        "{answer}"
    );
    let grown = server.peak_mib() - before;
    assert!(grown < 32, "{grown} MiB");
    for (length, wanted) in [
        ("1048577", "413 body-too-large"),
        ("99999999999999", "413 body-too-large"),
        ("18446744073709551615", "413 body-too-large"),
    ] {
        let request = format!(
            "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {length}\r\n\r\n"
        );
        assert_eq!(problem(&server.exchange(request)), wanted, "{length}");
    }
    for length in ["99999999999999999999999999", "-1", "1x", "+5"] {
        let request =
            format!("POST /prediction HTTP/1.1\r\n{HOST}\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(status_of(&server.exchange(request)), 400, "{length}");
    }
    let smuggled = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    assert!(matches!(status_of(&server.exchange(smuggled)), 400 | 422));
    still_answers(&server);
}

#[test]
fn a_body_that_nobody_reads_is_not_waited_for() {
    let (_workspace, server) = serving(&[]);
    let began = Instant::now();
    for what in [
        "GET /livez",
        "HEAD /livez",
        "OPTIONS /prediction",
        "GET /scoring",
    ] {
        for length in ["Transfer-Encoding: chunked", "Content-Length: 100"] {
            let request = format!("{what} HTTP/1.1\r\n{HOST}\r\n{length}\r\n\r\n");
            // Nothing of the body ever comes, and the client does not close.
            let answer = server.exchange(request);
            assert!(matches!(status_of(&answer), 200 | 204), "{what}: {answer}");
        }
    }
    let mut endless = server.connect();
    let head = format!("GET /livez HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    endless.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    while endless.write_all(chunk.as_bytes()).is_ok() {
        assert!(began.elapsed() < AT_ONCE, "nobody stops it");
    }
    still_answers(&server);
    // Such a connection does not hold up the end either.
    let mut silent = server.connect();
    silent.write_all(head.as_bytes()).expect("sent");
    silent.read_exact(&mut [0; 12]).expect("an answer");
    let began = Instant::now();
    assert_eq!(server.stop(), 0);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn a_client_that_sends_its_head_slowly_is_given_up() {
    let (_workspace, server) = serving(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: loc")
        .expect("sent");
    let began = Instant::now();
    let answer = rest_of(&mut stream);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(answer.is_empty() || status_of(&answer) == 408, "{answer}");
    still_answers(&server);
}

#[test]
fn a_client_that_sends_its_body_slowly_is_given_up() {
    let (_workspace, server) = serving(&[("limits.body_seconds", json!(1))]);
    let began = Instant::now();
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut stream = server.connect();
        let request = format!("POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\n{head}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        assert_eq!(problem(&rest_of(&mut stream)), "408 body-timeout");
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    still_answers(&server);
}

#[test]
fn a_client_that_trickles_its_body_falls_below_the_slowest_rate() {
    let (_workspace, server) = serving(&[]);
    let mut stream = server.connect();
    let request =
        format!("POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: 10000\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reading = stream.try_clone().expect("the same connection");
    let began = Instant::now();
    let answer = std::thread::scope(|scope| {
        let answer = scope.spawn(move || rest_of(&mut reading));
        // A byte now and then, for as long as the server listens.
        while !answer.is_finished() && stream.write_all(b"x").is_ok() {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        answer.join().expect("an answer")
    });
    assert_eq!(problem(&answer), "408 body-timeout");
    // Far below the 30 s that a whole body may take.
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    still_answers(&server);
}

#[test]
fn clients_that_never_read_their_answers_hold_up_nobody() {
    let (_workspace, server) = serving(&[
        ("limits.body_seconds", json!(2)),
        ("limits.in_flight_bytes", json!(48 << 20)),
    ]);
    let mut body = String::from(HEADER);
    for row in 0..200_000 {
        body.push_str(&format!("client-{row:06},{row},4567.5,37\n"));
    }
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut silent = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect();
        // One that is refused at once does not take the rest.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()));
        silent.push(stream);
    }
    still_answers(&server);
    // What they hold is given back once the server has given them up.
    let began = Instant::now();
    loop {
        let answer = server.send(
            "POST /prediction",
            &[HOST, CSV, "Accept: text/plain"],
            body.as_bytes(),
        );
        if !answer.is_empty() && status_of(&answer) == 200 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{answer:.100}");
    }
    drop(silent);
    still_answers(&server);
}

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
    // A missing value is not a number either, but it is no mistake.
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

#[test]
fn bodies_that_are_no_rows_are_refused_by_kind_and_at_once() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    let before = server.peak_mib();
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(ROWS.bytes().flat_map(|byte| [byte, 0]))
        .collect();
    let columns: String = (0..1_000_000).map(|column| format!("c{column},")).collect();
    for (body, wanted) in [
        (columns.as_bytes().to_vec(), "413 too-many-columns"),
        (b",".repeat(16 << 20), "413 too-many-columns"),
        (
            [HEADER.as_bytes(), &b",".repeat(8 << 20)].concat(),
            "413 too-many-columns",
        ),
        (
            [HEADER.as_bytes(), b"\"", &b"x\n".repeat(5_000_000)].concat(),
            "413 field-too-long",
        ),
        (
            [HEADER.as_bytes(), &b"y".repeat(10_000_000)].concat(),
            "413 field-too-long",
        ),
        (
            [b"\xEF\xBB\xBF\"".as_slice(), &b"y\n".repeat(5_000_000)].concat(),
            "413 field-too-long",
        ),
        (utf16, "400 not-utf8"),
        (
            [HEADER.as_bytes(), b"\xFF\xFE,1,2,3\n"].concat(),
            "400 not-utf8",
        ),
        (
            ROWS.replace("number_of_employees", "Corporation ")
                .into_bytes(),
            "422 duplicate-column",
        ),
        (vec![0; 1000], "422 csv-invalid"),
        (b"\n\n\n".to_vec(), "422 no-rows"),
        (HEADER.as_bytes().to_vec(), "422 no-rows"),
        (
            "a,1,2,3\n".repeat(2_000_000).into_bytes(),
            "422 missing-column",
        ),
        (
            [HEADER, &"a,1,2,3\n".repeat(1_000_001)]
                .concat()
                .into_bytes(),
            "413 too-many-rows",
        ),
    ] {
        let answer = predict(&server, &[CSV], &body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(problem(&answer), wanted, "{shown:?}");
        assert!(answer.len() < 4096, "{} bytes", answer.len());
    }
    for (body, wanted) in [
        ("[".repeat(1_000_000), "400 json-invalid"),
        ("{\"records\":".repeat(1_000_000), "400 json-invalid"),
        (
            "[{\"corporation\":\"a\",\"corporation\":\"b\"}]".into(),
            "422 duplicate-column",
        ),
        ("{\"records\":[],\"records\":[]}".into(), "400 json-invalid"),
        (
            "{\"columns\":[\"a\",\"A\"],\"data\":[]}".into(),
            "422 duplicate-column",
        ),
        (
            format!(
                "{{\"columns\":[\"{}\"],\"data\":[]}}",
                vec!["c"; 2000].join("\",\"")
            ),
            "413 too-many-columns",
        ),
        (
            format!("[{{\"corporation\":\"{}\"}}]", "x".repeat(10_000_000)),
            "413 field-too-long",
        ),
        (
            "{\"path\":\"a.csv\",\"records\":[]}".into(),
            "400 ambiguous-input",
        ),
        ("\"\\ud800\"".into(), "400 json-invalid"),
        ("null".into(), "400 json-invalid"),
    ] {
        let answer = predict(
            &server,
            &["Content-Type: application/json"],
            body.as_bytes(),
        );
        assert_eq!(problem(&answer), wanted, "{:.60}", body);
        assert!(answer.len() < 4096, "{} bytes", answer.len());
    }
    let grown = server.peak_mib() - before;
    assert!(grown < 256, "{grown} MiB");
    // A mark at the beginning is no mistake.
    let marked = [b"\xEF\xBB\xBF", ROWS.as_bytes()].concat();
    assert_eq!(status_of(&predict(&server, &[CSV], &marked)), 200);
    still_answers(&server);
}

#[test]
fn names_that_are_formulas_or_markup_do_no_harm() {
    let (_workspace, server) = serving(&[]);
    let names = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")",
        "<script>alert(1)</script>",
    ];
    let mut csv = String::from(HEADER);
    for name in names {
        csv.push_str(&format!("\"{name}\",1,2,3\n"));
    }
    let answer = predict(&server, &[CSV, "Accept: text/csv"], csv.as_bytes());
    for line in body_of(&answer).lines().skip(1) {
        let cell = line.trim_start_matches('"');
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert!(!is_formula, "{line}");
    }
    assert!(body_of(&answer).contains("\n'=1+1,"), "{answer}");
    // Whoever shows a problem as a page shows text.
    let nowhere = server.send("GET /<img src=x onerror=alert(1)>", &[HOST], b"");
    assert!(matches!(status_of(&nowhere), 400 | 404), "{nowhere}");
    let encoded = server.get("/%3Cscript%3Ealert(1)%3C/script%3E");
    encoded.problem(404, "not-found");
    let column = predict(&server, &[CSV], b"x<b>,y\n1,2\n");
    assert_eq!(problem(&column), "422 missing-column");
    still_answers(&server);
}

#[test]
fn a_header_cannot_be_smuggled_into_an_answer_or_a_line_into_the_log() {
    let (_workspace, server) = serving(&[]);
    for id in [
        "a b",
        "a%0d%0aSet-Cookie: x=1",
        "é",
        &"x".repeat(65),
        "<script>",
        "a;b",
    ] {
        let answer = server.send("GET /livez", &[HOST, &format!("X-Request-Id: {id}")], b"");
        assert_eq!(status_of(&answer), 200);
        let given = crate::server::header_of(&answer, "x-request-id").expect("an id");
        assert_ne!(given, id);
        assert!(
            crate::server::header_of(&answer, "set-cookie").is_none(),
            "{answer}"
        );
    }
    let answer = server.send("GET /livez", &[HOST, "X-Request-Id: A.b_c-9"], b"");
    assert_eq!(
        crate::server::header_of(&answer, "x-request-id"),
        Some("A.b_c-9")
    );
    let long = "x".repeat(100_000);
    let answer = server.send(&format!("GET /{long}"), &[HOST], b"");
    assert!(
        answer.is_empty() || status_of(&answer) >= 400 && answer.len() < 2000,
        "{answer:.200}"
    );
    let many: Vec<String> = (0..10_000).map(|number| format!("X-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let answer = server.send("GET /livez", &[&[HOST], many.as_slice()].concat(), b"");
    assert!(
        answer.is_empty() || status_of(&answer) >= 400,
        "{answer:.200}"
    );
    still_answers(&server);
}

#[test]
fn a_model_that_is_truncated_foreign_or_holds_no_numbers_is_refused_and_counted() {
    let (workspace, server) = serving(&[]);
    let before = server.post("/prediction", "text/csv", ROWS).json(200);
    let release = "production_deployment/releases/000001";
    let model_file = format!("{release}/trainedmodel.msgpack");
    let manifest_file = format!("{release}/manifest.json");
    let whole = fs::read(workspace.path(&model_file)).expect("a model");
    let manifest = workspace.text(&manifest_file);
    let mut spoilt = Model::decode(&whole).expect("a model");
    spoilt.predictor.coefficients[1] = f64::NAN;
    let mut other = Model::decode(&whole).expect("a model");
    other.predictor.coefficients[1] += 0.01;
    let mut tampered = whole.clone();
    tampered[whole.len() / 2] ^= 1;
    for (bytes, is_said) in [
        // Whoever can write the model can write the manifest as well.
        (spoilt.encode().expect("encoded"), true),
        (other.encode().expect("encoded"), true),
        (whole[..whole.len() - 1].to_vec(), true),
        (b"\x80\x04\x95sklearn".to_vec(), true),
        (Vec::new(), true),
        (tampered, false),
    ] {
        let mut said: Value = serde_json::from_str(&manifest).expect("JSON");
        if is_said {
            said["files"]["trainedmodel.msgpack"] = json!(common::digest::of_bytes(&bytes));
        }
        workspace.write(&manifest_file, said.to_string());
        workspace.write(&model_file, &bytes);
        server.signal(rustix::process::Signal::HUP);
        server.log_line(|line| line.contains("cannot be used"));
        let after = server.post("/prediction", "text/csv", ROWS).json(200);
        assert_eq!(after["probabilities"], before["probabilities"]);
    }
    let metrics = server.get("/metrics").body;
    assert!(
        metrics.contains("risk_model_reloads_total{result=\"refused\"} 6"),
        "{metrics}"
    );
    workspace.write(&manifest_file, manifest);
    workspace.write(&model_file, whole);
    server.signal(rustix::process::Signal::HUP);
    server.log_line(|line| line.contains("model loaded"));
    still_answers(&server);
}
