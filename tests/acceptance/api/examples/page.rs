//! The examples as the page `/docs` shows them.

/// Start of every address on the page.
const ADDRESS: &str = "http://127.0.0.1:8000";

/// An example on the page.
pub(super) struct Shown {
    /// Anchor of its section.
    pub(super) id: String,
    /// The command that sends the request.
    pub(super) command: String,
    pub(super) answer: String,
}

/// The request that a command sends.
pub(super) struct Request {
    pub(super) address: String,
    /// `None` for GET.
    pub(super) body: Option<String>,
}

impl Shown {
    /// The request of the command.
    pub(super) fn request(&self) -> Request {
        let (_, rest) = self.command.split_once(ADDRESS).expect("an address");
        let end = rest.find(['\'', ' ']).unwrap_or(rest.len());
        let (_, body) = self.command.split_once("--data-binary \\\n'").unzip();
        Request {
            address: rest[..end].to_owned(),
            body: body.map(|body| body.strip_suffix('\'').expect("a quote").to_owned()),
        }
    }

    /// Name of the file of the answer.
    pub(super) fn file(&self) -> String {
        format!(
            "{}.{}",
            self.id,
            if self.is_json() { "json" } else { "txt" }
        )
    }

    /// The example as a page of the repository shows it.
    pub(super) fn markdown(&self) -> String {
        let language = if self.is_json() { "json" } else { "text" };
        format!(
            "```sh\n{}\n```\n\n```{language}\n{}\n```\n",
            self.command, self.answer
        )
    }

    fn is_json(&self) -> bool {
        self.answer.starts_with('{')
    }
}

/// All examples of the page.
pub(super) fn examples(page: &str) -> Vec<Shown> {
    let sections = page.split("<h3 id=\"").skip(1);
    sections
        .filter_map(|section| {
            let (id, rest) = section.split_once('"')?;
            Some(Shown {
                id: id.to_owned(),
                command: block(rest, "request")?,
                answer: block(rest, "answer")?,
            })
        })
        .collect()
}

/// The text of a block of this class.
fn block(section: &str, class: &str) -> Option<String> {
    let (_, rest) = section.split_once(&format!("<pre class=\"{class}\" tabindex=\"0\">"))?;
    let (text, _) = rest.split_once("</pre>")?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    Some(text.replace("&quot;", "\"").replace("&amp;", "&"))
}

#[test]
fn an_example_is_read_from_its_section() {
    let page = "<h3 id=\"a_b\"><code>POST /a/b</code></h3>\n\
        <pre class=\"request\" tabindex=\"0\">curl -s 'http://127.0.0.1:8000/a/b?c=1' \
        -H 'Content-Type: text/csv' --data-binary \\\n'x\n&lt;&amp;lt;\n'</pre>\n\
        <pre class=\"answer\" tabindex=\"0\">{&quot;d&quot;: 1}</pre>\n\
        <h3 id=\"none\">nothing</h3>";
    let examples = examples(page);
    assert_eq!(examples.len(), 1);
    let request = examples[0].request();
    assert_eq!(request.address, "/a/b?c=1");
    assert_eq!(request.body.as_deref(), Some("x\n<&lt;\n"));
    assert_eq!(examples[0].answer, "{\"d\": 1}");
    assert_eq!(examples[0].file(), "a_b.json");
}
