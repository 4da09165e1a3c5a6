use super::*;

#[test]
fn the_page_of_an_error_shows_its_words_as_text() {
    let page = ProblemPage {
        now: now(),
        status: 404,
        title: "There is no data to answer from",
        detail: &format!("{HOSTILE} or `fullprocess --doctor`"),
        remedy: "run `app --new-key`",
        more: Some((paths::RUNS, "The runs")),
        request_id: "r1",
    }
    .html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "Status 404 · request r1",
            "<code>app --new-key</code>",
            "<code>fullprocess --doctor</code>.",
            "<a href=\"/dashboard/runs\">The runs</a>.",
        ],
    );
}
