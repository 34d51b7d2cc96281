use super::*;

const WIDE: Size = Size {
    columns: 80,
    rows: 24,
};
const NARROW: Size = Size {
    columns: 40,
    rows: 15,
};

/// Twenty accounts with fifteen roles each.
fn roles() -> Vec<String> {
    let names = [
        "Admin",
        "ReadOnly",
        "platform/team/DatabaseMigrationsOperatorForProduction",
    ];
    let name = |number: usize| match names.get(number) {
        Some(name) => (*name).to_owned(),
        None => format!("Developer-{number:02}"),
    };
    (0..300)
        .map(|number| {
            let account = 111_111_111_100 + number / 15;
            format!("arn:aws:iam::{account}:role/{}", name(number % 15))
        })
        .collect()
}

fn with<T>(look: impl FnOnce(&mut List<'_>) -> T) -> T {
    let roles = roles();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    look(&mut List::new("Which role?", &roles))
}

#[test]
fn the_list_narrows_as_one_types() {
    for (typed, left) in [
        ("", 300),
        ("   ", 300),
        ("admin", 20),
        ("ADMIN", 20),
        ("111111111107", 15),
        ("1107 admin", 1),
        ("admin 1107", 1),
        ("only", 20),
        ("migrations", 20),
        ("team/database", 20),
        ("arn:aws:iam::111111111103:role/Developer-14", 1),
        ("nobody", 0),
        ("admin only", 0),
    ] {
        with(|list| {
            for char in typed.chars() {
                list.search(|text| text.push(char));
            }
            let frame = list.frame(WIDE);
            assert_eq!(frame.lines[0], format!("Which role? ({left} of 300)"));
            assert_eq!(frame.lines.len(), left.min(15) + 4, "{typed}");
            assert_eq!(list.highlighted().is_some(), left > 0, "{typed}");
        });
    }
}

#[test]
fn keys_move_over_all_of_it_and_the_window_follows() {
    with(|list| {
        for (step, at, line) in [
            (Move::Up(1), 0, 2),
            (Move::Down(1), 1, 3),
            (Move::Down(15), 16, 16),
            (Move::Up(1), 15, 15),
            (Move::Down(usize::MAX), 299, 16),
            (Move::Down(1), 299, 16),
            (Move::Up(15), 284, 2),
            (Move::Up(usize::MAX), 0, 2),
        ] {
            list.go(step);
            assert_eq!(list.highlighted(), Some(at), "{step:?}");
            let frame = list.frame(WIDE);
            assert_eq!(frame.highlighted, Some(line), "{step:?}");
            assert!(frame.lines[line].starts_with("> "), "{step:?}");
            assert_eq!(frame.lines.len(), 19);
        }
        list.go(Move::Down(usize::MAX));
        list.search(|text| text.push_str("admin"));
        assert_eq!(list.highlighted(), Some(0));
    });
}

#[test]
fn it_is_readable_in_eighty_columns_and_in_forty() {
    let shown = |size| {
        with(|list| {
            list.search(|text| text.push_str("1103 o"));
            list.frame(size).lines
        })
    };
    let wide = shown(WIDE);
    assert_eq!(
        wide[..5],
        [
            "Which role? (15 of 300)",
            "search: 1103 o",
            "> 111111111103  Admin",
            "  111111111103  ReadOnly",
            "  111111111103  platform/team/DatabaseMigrationsOperatorForProduction",
        ]
    );
    assert_eq!(
        wide[17..],
        [
            "arn:aws:iam::111111111103:role/Admin",
            "type to search, Up/Down to move, Enter to take, Esc for none",
        ]
    );
    let narrow = shown(NARROW);
    assert_eq!(
        narrow[4..],
        [
            "  111111111103  platfor…orForProduction",
            "  111111111103  Developer-03",
            "  111111111103  Developer-04",
            "  111111111103  Developer-05",
            "  111111111103  Developer-06",
            "  111111111103  Developer-07",
            "  111111111103  Developer-08",
            "  111111111103  Developer-09",
            "arn:aws:iam::111111111103:role/Admin",
            "Enter takes, Esc leaves",
        ]
    );
}

#[test]
fn no_size_is_too_small_and_no_line_too_long() {
    let sizes = [1, 2, 9, 10, 11, 17, 30, 40, 100]
        .into_iter()
        .flat_map(|columns| [1, 2, 5, 6, 24].map(|rows| Size { columns, rows }));
    for size in sizes {
        with(|list| {
            list.go(Move::Down(2));
            list.search(|text| text.push_str(&"developer ".repeat(20)));
            let frame = list.frame(size);
            let width = usize::from(size.columns);
            for line in &frame.lines {
                assert!(line.chars().count() < width.max(2), "{size:?} {line}");
            }
            assert!(frame.cursor.1 < width.max(2), "{size:?}");
            assert!(
                frame.lines.len() < usize::from(size.rows).max(6),
                "{size:?}"
            );
        });
    }
}

#[test]
fn what_is_no_arn_stands_for_itself() {
    let roles = [
        "Admin",
        "arn:aws-cn:iam::111122223333:role/x/Ops",
        "a\u{1b}[31mb漢",
    ];
    let mut list = List::new("Which role?", &roles);
    assert_eq!(
        list.frame(WIDE).lines[2..5],
        [
            ">               Admin",
            "  111122223333  x/Ops",
            "                a[31mb?"
        ]
    );
}
