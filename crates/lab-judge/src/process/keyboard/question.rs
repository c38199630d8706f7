//! What a prompt asks for, in the languages that students write their prompts in.
//!
//! One file, since it is one list of words and the rules that read them.

/// What a program asks its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// The peer's name or address.
    Host,
    /// The port.
    Port,
    /// Both in one line, with this between them.
    HostAndPort(char),
    /// The first port to scan.
    First,
    /// The last port to scan.
    Last,
    /// Both in one line.
    Range,
    /// What to send.
    Message,
    /// One of several numbers to send.
    Number,
    /// Just the Enter key.
    Enter,
    /// The Enter key, as the way to end the program.
    EnterToEnd,
    /// Yes or no.
    YesOrNo,
    /// A choice from a menu.
    Choice,
    /// Something that nobody can know, such as a password.
    Other,
    /// There is no prompt, or one in words that are not known here.
    Unknown,
}

const PORT: &[&str] = &[
    "port",
    "ports",
    "puerto",
    "puertos",
    "porta",
    "porto",
    "poort",
    "portnummer",
    "portnum",
    "порт",
    "порта",
    "端口",
    "端口号",
    "ポート",
    "포트",
];

const HOST: &[&str] = &[
    "host",
    "hostname",
    "ip",
    "ipv4",
    "address",
    "adresse",
    "addr",
    "server",
    "serveur",
    "servidor",
    "dirección",
    "direccion",
    "indirizzo",
    "endereço",
    "endereco",
    "adres",
    "adrese",
    "url",
    "domain",
    "website",
    "target",
    "remote",
    "machine",
    "rechner",
    "адрес",
    "хост",
    "сервер",
    "地址",
    "主机",
    "アドレス",
    "ホスト",
    "주소",
];

const MESSAGE: &[&str] = &[
    "message",
    "messages",
    "msg",
    "text",
    "string",
    "sentence",
    "word",
    "words",
    "line",
    "data",
    "input",
    "name",
    "username",
    "nickname",
    "something",
    "say",
    "send",
    "numbers",
    "nachricht",
    "satz",
    "wort",
    "zahlen",
    "eingabe",
    "mensaje",
    "texto",
    "frase",
    "nombre",
    "messaggio",
    "testo",
    "mensagem",
    "nome",
    "texte",
    "phrase",
    "nom",
    "bericht",
    "wiadomość",
    "wiadomosc",
    "mesaj",
    "сообщение",
    "текст",
    "имя",
    "消息",
    "信息",
    "メッセージ",
    "메시지",
];

const NUMBER: &[&str] = &[
    "number",
    "num",
    "zahl",
    "número",
    "numero",
    "nombre",
    "число",
];

const FIRST: &[&str] = &[
    "start",
    "starting",
    "first",
    "begin",
    "beginning",
    "from",
    "low",
    "lower",
    "lowest",
    "min",
    "minimum",
    "von",
    "erster",
    "ersten",
    "début",
    "debut",
    "premier",
    "inicio",
    "inicial",
    "desde",
    "primer",
    "inizio",
    "iniziale",
    "начальный",
    "起始",
];

const LAST: &[&str] = &[
    "end",
    "ending",
    "last",
    "stop",
    "final",
    "to",
    "until",
    "high",
    "higher",
    "highest",
    "max",
    "maximum",
    "bis",
    "letzter",
    "letzten",
    "fin",
    "dernier",
    "hasta",
    "último",
    "ultimo",
    "fine",
    "finale",
    "конечный",
    "结束",
];

const RANGE: &[&str] = &[
    "range",
    "bereich",
    "rango",
    "plage",
    "intervallo",
    "диапазон",
];

const PRESS: &[&str] = &[
    "press",
    "hit",
    "push",
    "drücke",
    "drücken",
    "druecken",
    "taste",
    "appuyez",
    "pulse",
    "pulsa",
    "presione",
    "presiona",
    "premi",
    "premere",
    "pressione",
    "tecla",
    "tasto",
    "нажмите",
    "按",
];

const END: &[&str] = &[
    "quit",
    "exit",
    "stop",
    "end",
    "close",
    "finish",
    "terminate",
    "shutdown",
    "shut",
    "beenden",
    "salir",
    "quitter",
    "terminer",
    "uscire",
    "sair",
    "выхода",
];

const CHOICE: &[&str] = &[
    "choice", "choose", "option", "select", "menu", "auswahl", "opción", "opcion", "scelta",
    "choix",
];

const OTHER: &[&str] = &[
    "password",
    "passwort",
    "passwd",
    "contraseña",
    "threads",
    "timeout",
    "seconds",
    "пароль",
];

const AND: &[&str] = &["and", "&", "und", "et", "y", "e", "и", "和"];

/// What a program asks with these words.
pub(super) fn of(prompt: &str) -> Question {
    let prompt = prompt.trim().to_lowercase();
    if !prompt.chars().any(char::is_alphanumeric) {
        return Question::Unknown;
    }
    let words: Vec<&str> = prompt
        .split(|c: char| !c.is_alphanumeric() && c != '&')
        .filter(|word| !word.is_empty())
        .collect();
    // Languages that are written without blanks have no words to compare.
    let has = |known: &[&str]| {
        words.iter().any(|word| known.contains(word))
            || known
                .iter()
                .any(|known| !known.is_ascii() && is_unspaced(known) && prompt.contains(known))
    };
    let starts = |known: &[&str]| words.first().is_some_and(|word| known.contains(word));
    let enter = [
        "enter",
        "return",
        "key",
        "intro",
        "entrée",
        "invio",
        "eingabetaste",
    ];
    let presses = has(PRESS) && (has(&enter) || has(&["taste", "tecla", "tasto", "按", "нажмите"]));
    if presses && (starts(PRESS) || !(has(MESSAGE) || has(HOST) || has(PORT))) {
        return match has(END) {
            true => Question::EnterToEnd,
            false => Question::Enter,
        };
    }
    if prompt.contains("y/n") || prompt.contains("yes/no") || prompt.contains("j/n") {
        return Question::YesOrNo;
    }
    let (port, host) = (has(PORT), has(HOST));
    if has(RANGE) && !(has(FIRST) || has(LAST)) {
        return Question::Range;
    }
    // "Port to scan" and "port to connect to" ask for the port.
    let first = has(FIRST) && !has(&["connect", "verbinden"]);
    let last = words.iter().enumerate().any(|(at, word)| {
        LAST.contains(word) && (*word != "to" || at + 1 == words.len() || starts(&["to"]))
    });
    if port && (first || last) && !has(&["connect"]) {
        return match (first, last) {
            (true, true) => Question::Range,
            (true, false) => Question::First,
            _ => Question::Last,
        };
    }
    if port && host {
        for between in [':', ','] {
            let form = |a: &&str| HOST.contains(a);
            let joined = prompt
                .split_whitespace()
                .filter_map(|word| word.split_once(between))
                .any(|(before, after)| {
                    form(&before.trim_matches(|c: char| !c.is_alphanumeric()))
                        && PORT.contains(&after.trim_matches(|c: char| !c.is_alphanumeric()))
                });
            if joined {
                return Question::HostAndPort(between);
            }
        }
        if has(AND) {
            return Question::HostAndPort(' ');
        }
    }
    match () {
        () if port => Question::Port,
        () if has(OTHER) => Question::Other,
        () if has(CHOICE) => Question::Choice,
        // "Message for the server:" asks for the message.
        () if has(MESSAGE) && !names_host(&words) => Question::Message,
        () if host => Question::Host,
        () if has(NUMBER) => Question::Number,
        () if has(MESSAGE) => Question::Message,
        () if first => Question::First,
        () if last => Question::Last,
        () => Question::Unknown,
    }
}

/// "Host name", "server name", "name of the server": a name that is an address.
fn names_host(words: &[&str]) -> bool {
    const NAMES: [&str; 4] = ["name", "nombre", "nome", "nom"];
    // "input" and "enter" stand before whatever is asked for.
    const ASKS: [&str; 4] = ["input", "enter", "say", "data"];
    let told = |word: &&&str| MESSAGE.contains(*word) && !ASKS.contains(*word);
    words.iter().any(|word| HOST.contains(word))
        && words.iter().filter(told).all(|word| NAMES.contains(word))
}

fn is_unspaced(word: &str) -> bool {
    word.chars().all(|c| ('\u{3040}'..='\u{9fff}').contains(&c))
}

/// The word with which a program says that it can be ended, in what it has printed: `Type 'quit' to
/// leave`. It is empty where an empty line does that: `empty line to stop`.
pub(super) fn word_to_end(printed: &str) -> Option<&'static str> {
    const WORDS: [&str; 8] = ["quit", "exit", "bye", "stop", "end", "close", "q", "x"];
    const VERBS: [&str; 5] = ["type", "enter", "write", "say", "or"];
    const PURPOSES: [&str; 6] = ["quit", "exit", "end", "stop", "leave", "close"];
    const EMPTY: [&str; 8] = [
        "empty line",
        "blank line",
        "empty message",
        "empty input",
        "leere zeile",
        "ligne vide",
        "línea vacía",
        "пустая строка",
    ];
    let printed = printed.to_lowercase();
    let words: Vec<&str> = printed.split_whitespace().collect();
    let bare = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric())
            .to_string()
    };
    let named = |wanted: &&str| {
        words.iter().enumerate().any(|(at, word)| {
            let quoted = word.len() > wanted.len() && !word.starts_with(char::is_alphanumeric);
            let purpose = words.get(at + 1).is_some_and(|next| *next == "to")
                && words
                    .get(at + 2)
                    .is_some_and(|next| PURPOSES.contains(&bare(next).as_str()));
            let verb = at > 0 && VERBS.contains(&bare(words[at - 1]).as_str());
            bare(word) == *wanted && (quoted || purpose || verb)
        })
    };
    let nothing = || EMPTY.iter().any(|empty| printed.contains(empty));
    WORDS
        .into_iter()
        .find(named)
        .or_else(|| nothing().then_some(""))
}

/// The key of the menu's first line that does the work (`1. Send a message`) and was not chosen
/// before, or of the one that ends the program (`2) Quit`).
pub(super) fn choice_of(menu: &str, end: bool, chosen: &[&str]) -> Option<String> {
    const WORK: &[&str] = &[
        "send", "message", "echo", "connect", "scan", "start", "senden",
    ];
    let wanted = if end { END } else { WORK };
    menu.lines().find_map(|line| {
        let line = line.trim().trim_start_matches(['[', '(']);
        let (key, rest) = line.split_once(['.', ')', ']', ':', '-', '='])?;
        let key = key.trim();
        let is_key = !key.is_empty() && key.chars().count() <= 2;
        let rest = rest.to_lowercase();
        let mut words = rest.split(|c: char| !c.is_alphanumeric());
        let fits = is_key && !chosen.contains(&key) && words.any(|word| wanted.contains(&word));
        fits.then(|| key.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_says_what_it_asks_for() {
        use Question::*;
        for (prompt, question) in [
            ("Message: ", Message),
            ("Enter message: ", Message),
            ("Enter your message for the server: ", Message),
            ("Enter text to send to the server> ", Message),
            ("What is your name? ", Message),
            ("Nachricht eingeben: ", Message),
            ("Introduzca el mensaje: ", Message),
            ("Введите сообщение: ", Message),
            ("请输入消息：", Message),
            ("Type your message and press Enter: ", Message),
            ("Input lowercase sentence:", Message),
            ("Enter numbers separated by spaces: ", Message),
            ("Enter the first number: ", Number),
            ("Host: ", Host),
            ("Enter host name: ", Host),
            ("Server IP address: ", Host),
            ("IP-Adresse des Servers: ", Host),
            ("Enter a remote host to scan: ", Host),
            ("Input the server address: ", Host),
            ("Dirección del servidor: ", Host),
            ("请输入服务器地址：", Host),
            ("Port number: ", Port),
            ("Enter server port: ", Port),
            ("Port to connect to: ", Port),
            ("Bitte Port eingeben: ", Port),
            ("Puerto: ", Port),
            ("请输入端口号：", Port),
            ("Enter host:port: ", HostAndPort(':')),
            ("Enter host and port: ", HostAndPort(' ')),
            ("Address (ip:port)? ", HostAndPort(':')),
            ("Start port: ", First),
            ("Enter the first port: ", First),
            ("End port: ", Last),
            ("Last port to scan: ", Last),
            ("Port range: ", Range),
            ("press Enter", Enter),
            ("Press any key to continue . . . ", Enter),
            ("Press Enter to send the message", Enter),
            ("Drücken Sie eine Taste ...", Enter),
            ("Press ENTER to quit", EnterToEnd),
            ("Send another message? (y/n) ", YesOrNo),
            ("Your choice: ", Choice),
            ("Password: ", Other),
            ("> ", Unknown),
            ("", Unknown),
            (">>> ", Unknown),
            ("Ihre Worte bitte: ", Unknown),
        ] {
            assert_eq!(of(prompt), question, "{prompt}");
        }
    }

    #[test]
    fn a_menu_says_which_key_does_the_work_and_which_ends_it() {
        for (menu, work, end) in [
            ("1. Send message\n2. Quit\nChoice: ", Some("1"), Some("2")),
            ("[q] Quit\n[s] Send\n", Some("s"), Some("q")),
            (
                "  0) Exit\n  1) Connect to the server\n",
                Some("1"),
                Some("0"),
            ),
            ("Menu:\n1 or 2? ", None, None),
        ] {
            assert_eq!(choice_of(menu, false, &[]).as_deref(), work, "{menu}");
            assert_eq!(choice_of(menu, true, &[]).as_deref(), end, "{menu}");
        }
    }

    #[test]
    fn the_word_that_ends_a_program_is_found_where_it_is_said() {
        for (printed, word) in [
            ("Message ('quit' to leave): ", Some("quit")),
            ("Type exit to end\n> ", Some("exit")),
            ("Enter q to quit: ", Some("q")),
            ("> ", None),
            ("the end of the message", None),
        ] {
            assert_eq!(word_to_end(printed), word, "{printed}");
        }
    }
}
