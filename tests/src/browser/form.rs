//! The form of a page, as far as identity providers' pages go.

/// Names and values, in the order of the page.
pub(super) type Fields = Vec<(String, String)>;

/// What a page asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) id: String,
    /// Where it is posted to, perhaps relative to the page.
    pub(super) action: String,
    /// What is in it already.
    pub(super) hidden: Fields,
    /// What a person types in.
    pub(super) asked: Vec<String>,
}

impl Form {
    /// The first form of `page`.
    pub(super) fn first_of(page: &str) -> Option<Self> {
        let form = &page[page.find("<form")?..];
        let form = &form[..form.find("</form>")?];
        let tag = &form[..form.find('>')?];
        let mut found = Self {
            id: attribute(tag, "id").unwrap_or_default(),
            action: attribute(tag, "action")?,
            hidden: Fields::new(),
            asked: Vec::new(),
        };
        for input in form.split("<input").skip(1) {
            let input = &input[..input.find('>').unwrap_or(input.len())];
            let Some(name) = attribute(input, "name") else {
                continue;
            };
            match attribute(input, "type").as_deref() {
                Some("hidden") => {
                    let value = attribute(input, "value").unwrap_or_default();
                    found.hidden.push((name, value));
                }
                Some("submit") => {}
                _ => found.asked.push(name),
            }
        }
        Some(found)
    }
}

/// The value of the first attribute `name` in `html`, whichever element it is of.
pub(super) fn attribute(html: &str, name: &str) -> Option<String> {
    let before = format!("{name}=\"");
    let start = html.match_indices(&before).find_map(|(at, _)| {
        let apart = html[..at].ends_with(|last: char| last.is_ascii_whitespace());
        apart.then_some(at + before.len())
    })?;
    let value = &html[start..];
    Some(unescaped(&value[..value.find('"')?]))
}

/// `text` without the references that stand for characters.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, rest) = part.split_once(';').expect("a reference ends");
        whole.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => reference
                .strip_prefix('#')
                .and_then(|number| number.parse().ok())
                .and_then(char::from_u32)
                .unwrap_or_else(|| panic!("&{reference}; is no reference known here")),
        });
        whole.push_str(rest);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn the_first_form_of_a_page_is_read() {
        let page = "<p class=\"action\"><form method=\"post\"\n id=\"op.form\" action=\"/at?a=1&amp;b=2\"><input type=\"hidden\"\n name=\"state\" value=\"&quot;a&#39;&#60;&amp;lt;\">\
                    <input type=\"hidden\" name=\"empty\" value=\"\"/><input placeholder=\"name\" name=\"login\"><input type=\"submit\" value=\"On\"></form>\
                    <form action=\"/other\"></form>";
        let form = Form::first_of(page).unwrap();
        assert_eq!(
            (form.id.as_str(), form.action.as_str()),
            ("op.form", "/at?a=1&b=2")
        );
        let hidden = [("state", "\"a'<&lt;"), ("empty", "")];
        assert_eq!(
            form.hidden,
            hidden.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(form.asked, ["login"]);
        assert_eq!(Form::first_of("<h1>Signed in</h1>"), None);
    }
}
