//! The mistakes that socket programs make again and again, each with a name and an explanation.
//!
//! A failed case points to one of them. The words are for somebody who has just made the mistake:
//! what was believed, what is so, and what to do.
//!
//! One file, since it is one table.

/// A belief about sockets that is not true.
#[derive(Debug, PartialEq, Eq)]
pub struct Misconception {
    /// The name that results for machines carry.
    pub id: &'static str,
    /// The mistake in a few words.
    pub title: &'static str,
    /// What is so, and what to do.
    pub text: &'static str,
}

impl Misconception {
    /// Whether its sign is that bytes come back as others.
    /// All the rest show in bytes that do not come.
    pub fn changes_bytes(&self) -> bool {
        [
            &CHANGES_TEXT,
            &MANGLES_BINARY,
            &DECODES_PIECES,
            &WRONG_SUM,
            &SHORT_SEND,
            &MIXES_CLIENTS,
        ]
        .iter()
        .any(|one| one.id == self.id)
    }

    /// Whether it only says that something did not come,
    /// so that a crash of the program explains it better.
    pub fn is_vague(&self) -> bool {
        self.says_never_met()
            || [
                &CLOSES_EARLY,
                &NO_ANSWER,
                &WRONG_ORDER,
                &SENDS_NOTHING,
                &WRONG_ANSWER,
                &NOT_PRINTED,
                &SAYS_NOTHING,
                &SILENT_FAILURE,
                &ENDS_WITH_FAILURE,
                &READS_ONCE,
                &NO_BLANK_LINE,
                &SCAN_NOTHING,
                &UDP_NO_RESEND,
                &WS_HANDSHAKE,
                &WAMP_NO_HELLO,
            ]
            .iter()
            .any(|one| one.id == self.id)
    }

    /// Whether it says that the program ended before it met anybody.
    pub fn says_never_met(&self) -> bool {
        [
            &ENDS_AT_ONCE,
            &NEVER_CONNECTS,
            &UDP_ENDS_AT_ONCE,
            &UDP_SENDS_NOTHING,
        ]
        .iter()
        .any(|one| one.id == self.id)
    }
}

macro_rules! misconceptions {
    ($($name:ident, $id:literal, $title:literal, $text:literal;)*) => {
        $(
            #[doc = concat!($title, ".")]
            pub static $name: Misconception =
                Misconception { id: $id, title: $title, text: $text };
        )*

        /// All of them.
        pub static ALL: &[&Misconception] = &[$(&$name),*];
    };
}

misconceptions! {
    NOT_STARTED, "not-started", "the program could not be started",
    "The system could not run the command at all. Is the path right, seen from the folder in which it runs? A script needs its interpreter before it (python3 file.py), or the right to be executed and a first line that \
     names one.";

    SYNTAX_ERROR, "syntax-error", "the program cannot be run: its text has an error",
    "The interpreter reads the whole file before it runs the first line. At the place that it names, or a little before it, a colon, a \
     bracket or a quote is missing, or a line is indented differently from its neighbors. Nothing about sockets has been tried yet.";

    MISSING_MODULE, "missing-module", "imports a module that is not there",
    "The program ends at its import. Is the name misspelled? Is it a file of yours that was not handed in, or a library that is not \
     installed on this machine? The sheets need only what comes with the language.";

    NOT_WRITTEN, "not-written", "a part of the starter is not written yet",
    "The steps are named above that line, each with its calls in your language and in Python, and the page that describes them. \
     Write them there, and take the line out when they are all written. cargo lab hint says which step is next.";

    CRASHES, "crashes", "crashes with an uncaught error",
    "An error that the program does not catch ends it, or the thread in which it happens. The line that is quoted says what happened, \
     and the place says where. Mend that first: what the program does on the network can only be judged after that.";

    CRASHES_AFTER, "crashes-after-its-work", "does its work, and then crashes",
    "All that the sheet asks for had been done. The error comes in what the program does after that: the line that is quoted says \
     what happened, and the place says where.";

    REFUSED, "refused", "its connection was refused",
    "Refused means that a machine was reached, and that no program listens on that port there. So the program works as far as connect, but asks \
     at another address or port than the one on which the server waits. Take both from the command line, or use those of the sheet.";

    CANNOT_BIND, "cannot-bind", "the system refuses the address that it wants",
    "bind takes only an address of this machine, and a port that no other program has at the moment. A server binds to the address that \
     the sheet gives (127.0.0.1, or 0.0.0.0 for all addresses of the machine), and to the port from the command line. A client needs \
     no bind: connect gives it a port.";

    ENDS_AT_ONCE, "ends-at-once", "the server ended before any client could reach it",
    "A server has to stay in accept until a client comes. This one was gone by then; what it printed last is quoted below and \
     often names the line.";

    NEVER_CONNECTS, "never-connects", "does not connect to the server",
    "The server waited, and no connection came. A client is connected once connect has returned. Check that connect is reached, and \
     that host and port are those of the server: from the command line, or from the sheet.";

    SENDS_NOTHING, "sends-nothing", "connects, but does not send its message",
    "The server saw the connection, and then its end, without a byte in between. What is sent before close is delivered, so \
     send was not reached, or it had nothing to send.";

    NOT_LISTENING, "not-listening", "nothing listens on the port",
    "A server is reachable once it has called bind with the port from its command line, and then listen. Until listen \
     is called, the system refuses every client. Check that the port really comes from {port}, and that both calls \
     are reached.";

    OTHER_ADDRESS, "other-address", "the client goes to another address",
    "A client finds its server by a host and a port, and both have to be the server's. This one tried another address. Where the host or \
     the port is written into the program, compare it with the sheet; where the command line gives it, check that the program uses what it was given.";

    NEVER_ACCEPTS, "never-accepts", "the server listens, but never accepts a client",
    "The handshake is done by the system as soon as listen has been called, so a client is connected even if the program \
     never calls accept, and its bytes wait in the system. Only accept gives you the socket to read them from.";

    ONE_RECV, "one-recv", "treats one recv as one message",
    "TCP carries a stream of bytes and keeps no borders between sends. recv gives what has arrived so far: a piece of a \
     message, a whole one, or two at once. Collect the pieces in a buffer until the end of the message is in it, and only \
     then answer.";

    TOKEN_ON_PIECE, "token-on-piece", "looks for the end mark in each piece by itself",
    "The end mark can be cut in two like everything else on a stream. Then no single piece holds it. Append each piece to \
     what has come before and search there; the search may start a few bytes before the new piece.";

    FALSE_START, "false-start", "is misled by a false start of the end mark",
    "Half a mark can come before the whole one: <E<EOF>. A program that counts how much of the mark has matched, and begins again at \
     nothing when the text continues differently, misses the mark that has just begun. Search the buffer for the whole mark \
     (find, in).";

    CHANGES_TEXT, "changes-text", "changes the text that it gives back",
    "White space, quotes and line ends are a part of the message like every other byte; only the end mark is not. strip() and \
     split() take away more than that. Cut the message off exactly before the mark.";

    ENDSWITH, "endswith", "expects the end mark to be the last thing received",
    "What recv gives does not stop where a message stops. After the end mark the next message may already have begun. Look \
     for the mark anywhere in the buffer, cut the message off before it, and keep the rest for the next round.";

    LOSES_REST, "loses-rest", "throws away what comes after the end mark",
    "Two messages can arrive with one recv. What comes after the first end mark belongs to the next message: keep it \
     in the buffer, and look there for a further message before you call recv again.";

    FULL_BUFFER, "full-buffer", "treats a full buffer as a sign that more will come",
    "recv(1024) may give exactly 1,024 bytes because the message was that long, and fewer although more is on its way. The \
     length of a piece says nothing about the end of the message. Only the protocol does: an end mark, a length, or the \
     end of the connection.";

    SMALL_BUFFER, "small-buffer", "its buffer is smaller than the message",
    "The answer is right as far as it goes, and then it stops. One recv gives at most as many bytes as it was asked for; the rest \
     stayed in the system, and a close with unread bytes breaks the connection off. Call recv again, in a loop, or give it room for \
     the whole message.";

    WHOLE_BUFFER, "whole-buffer", "uses the whole buffer, not what came",
    "recv_into, and read or recv in C, Java and Rust, fill the beginning of a buffer and say how many bytes they put there. What is behind \
     those bytes is old, or zero, and belongs to no message. Use only the part that was filled: buffer[..count].";

    DECODES_PIECES, "decodes-pieces", "turns each piece into text by itself",
    "A character like é or 日 is several bytes in UTF-8, and a stream may be cut between them. Half a character is no valid \
     text, so decoding a single piece fails or puts a replacement in its place. Collect the bytes of the whole message, \
     then decode once.";

    SHORT_SEND, "send-for-sendall", "uses send as if it were sendall",
    "send gives the system as many bytes as it has room for at the moment, and says how many it took; the rest is yours to \
     send again. sendall (write_all in Rust) does that for you. With short messages the difference never shows.";

    FIXED_LIMIT, "fixed-limit", "cannot take a message of this size",
    "A single buffer of fixed size cannot hold a message of any size. Append what recv gives to a buffer that grows, and \
     set a limit of your own choice that you check for.";

    TOO_SLOW, "too-slow", "gets slower and slower as the message grows",
    "Searching the whole buffer again after each piece, or building a new string for each, costs time with the square of \
     the length. Keep the bytes in one buffer that grows (bytearray in Python), and search only what is new.";

    ENDS_AFTER_FIRST, "ends-after-first-client", "ends after its first client",
    "accept gives one client. A server that is meant to keep running has accept in an endless loop, and a client's end leads back to \
     it: an empty recv ends the conversation, not the program.";

    DIES_ON_RESET, "dies-on-reset", "one client's broken connection ends the whole server",
    "A client may vanish at any moment: then recv or send raises an error (ConnectionResetError, BrokenPipeError). That is \
     the end of this one conversation. Catch the error around the conversation, and continue with the next client.";

    DIES_ON_EMPTY, "dies-on-empty", "one client that leaves without a word ends the whole server",
    "A client may connect, say nothing and leave: then the very first recv gives nothing. A program that takes the first word or the first \
     byte of it without a look has an IndexError. Test for the empty result first, and continue with the next client.";

    DIES_ON_HALF, "dies-on-half-a-message", "half a message ends the whole server",
    "A client may leave at any point, also in the middle of a message. Then recv gives nothing although the buffer is not empty. \
     That is the end of this one conversation: throw the half away, and continue with the next client.";

    DIES_ON_WORD, "dies-on-a-word", "one word that is not a number ends the server",
    "Anybody can send anything, also letters where numbers belong. int() then raises a ValueError, and uncaught it ends the program \
     for every other client as well. Catch it around the one request, and answer with an error of your own.";

    DIES_ON_BYTES, "dies-on-bytes", "bytes that are not text end the server",
    "Anybody can send any bytes, and not all bytes are UTF-8. An uncaught decoding error ends the program for every other \
     client as well. Decode with errors=\"replace\", or catch the error and answer it.";

    BLOCKS_ALL, "blocks-all", "one silent client stops all the others",
    "While the program waits in recv for one client, accept is not called for the next: it is connected, since the system \
     does the handshake, but is never served. Give each client its own thread, or wait for all of them at once with \
     select.";

    MIXES_CLIENTS, "mixes-clients", "gives one client's answer to another",
    "Two clients were connected at once, and an answer did not come to the one that had asked. Usually all threads share one \
     variable for the connection: the next accept replaces it under the first one's hands. Hand each thread its own connection, as \
     an argument.";

    LEAKS, "leaks-descriptors", "does not close its clients' sockets",
    "Every accepted socket is an open descriptor of the system, and a process may have about a thousand. Close it when the \
     conversation is over, also when it ends with an error: with connection: does both.";

    SPINS, "spins", "runs in a busy loop after the other side has left",
    "recv gives an empty result when the other side has closed, and it will do so again at once, forever. It does not \
     mean that nothing has come yet. Leave the loop when recv gives nothing.";

    ANSWERS_THE_END, "answers-the-end", "takes the end of the connection for a message",
    "When the other side has ended its direction, recv gives an empty result, and does so again and again. That is not a message: \
     nothing more will come. Test for it before anything else (if not data: in Python, if count == 0 in C and Rust), leave the loop, \
     and close the connection.";

    NO_REUSEADDR, "no-reuseaddr", "cannot be started again on its port",
    "Connections that the server closed stay in TIME_WAIT for a minute and hold the port. Set SO_REUSEADDR on the listening \
     socket before bind; then a server can be stopped and started again at once.";

    NEVER_CLOSES, "never-closes", "does not close the connection when it is over",
    "The other side sees the end of your message only by your close (or shutdown): until then its recv waits. Close the \
     connection when the exercise says that it is over, and when recv has given nothing.";

    CLOSES_EARLY, "closes-early", "closes the connection before it has answered",
    "The connection ended where an answer should have come. Often an error ended the conversation (its last lines are \
     quoted below), or the program closes after one message although the client may send more.";

    NO_ANSWER, "no-answer", "does not answer",
    "The request has arrived (the system took it), but nothing came back. Either the program is still waiting for more, or \
     it has read the request and sent nothing.";

    WRONG_ANSWER, "wrong-answer", "answers differently from what the sheet says",
    "The bytes differ from what the exercise asks for. Compare the two lines below from the caret on; a client that was \
     written by somebody else relies on every one of them.";

    WRONG_SUM, "wrong-sum", "adds the numbers wrongly",
    "The answer is not the sum. Split the request at any white space (split() without an argument), take a sign into account, and \
     mind that some languages' whole numbers end at 64 bits: Python's do not.";

    MANGLES_BINARY, "mangles-binary", "changes bytes that are not text",
    "An echo has to give back the very bytes. Decoding to text and encoding again is not neutral: bytes that are not valid UTF-8 \
     are lost or replaced, strip() eats white space, and print adds a line end. Send back what recv gave.";

    READS_ONCE, "reads-once", "reads only once",
    "One recv gives what has arrived so far, at most as many bytes as it was asked for. To get the rest, call it again, in \
     a loop, until the end of the message or of the connection.";

    STOPS_SHORT, "stops-short", "stops reading before the whole answer has come",
    "The number of calls does not tell how much has come. Count the bytes: read on until as many have come as you sent. A division \
     that rounds down loses the rest: 33 // 16 is 2, and 2 times 16 is only 32.";

    WAITS_FOR_LINE, "waits-for-a-line", "waits for a line end that the sheet does not have",
    "readline, fgets and the like wait until a line end has come. The messages of this sheet have none: a message is whatever one recv \
     gives. So the other side waits for its answer, and this one for the rest of a line.";

    WAITS_FOR_END, "waits-for-the-end", "waits for the end of a connection that stays open",
    "recv gives nothing only when the other side has closed its direction. Here the other side keeps the connection open for the next \
     message, and waits for you while you wait for it. Stop reading when the message is there: after one recv where the sheet \
     says so, or when as many bytes have come as you expect.";

    HALF_CHARACTER, "half-character", "cannot handle half a character",
    "Here a message is whatever one recv gives, and a stream may be cut inside a character like é. decode() then raises an error. Bytes \
     can be sent back and printed without decoding them; where text is needed, decode with errors=\"replace\".";

    SUM_AS_FLOAT, "sum-as-float", "writes a whole number with a decimal point",
    "float() makes 15.0 of 15, and keeps only 15 digits or so. Take whole numbers as whole numbers: int(), and float() (or better \
     decimal.Decimal) only for a word that has a point.";

    SUM_ROUNDS, "sum-rounds", "adds decimals inexactly",
    "A float has no exact place for 0.1: 0.1 + 0.2 gives 0.30000000000000004. A type that counts in tens adds as on paper: \
     decimal.Decimal in Python, BigDecimal in Java, whole tenths or cents anywhere.";

    SUM_KEEPS, "sum-keeps", "adds a request to the sum of those before it",
    "Each request gets its own sum. The variable for the sum starts with 0 for each request: set it in the loop, where recv has given \
     one, and not once before the loop.";

    NOT_NUMBERS, "not-numbers", "sends something other than numbers with white space between them",
    "The server splits a request at its white space and takes each word for a number: 1,2,3 is one word, and no number. Send the \
     numbers as text with a blank between two of them.";

    STOPS_AT_NUL, "stops-at-nul", "treats bytes as a string that ends at the first NUL",
    "A string of C ends at the first byte of value 0; what recv gives ends where recv says, and may hold that byte anywhere. Keep the \
     number that recv returns, and send that many bytes: strlen does not know it.";

    OLD_BYTES, "old-bytes", "sends what an earlier message left in its buffer",
    "recv writes over the beginning of the buffer and leaves the rest as it was. Only the first n bytes are the new message, where n is \
     what recv has returned: send those, and no more.";

    NOT_UTF8, "not-utf8", "does not send its text as UTF-8",
    "On the wire there are bytes, so a text has to be encoded, and both sides have to agree how: the labs use UTF-8, as \
     encode() does without an argument. ASCII has no place for é or 日, and Latin-1 writes é in another way.";

    EXTRA_BYTES, "extra-bytes", "sends bytes that nobody asked for",
    "Besides what the sheet asks for more bytes came: a greeting, words around the answer, a line end, the NUL at the end of a C string. \
     To the reader of the stream they belong to this message or the next, and shift everything that follows.";

    WRONG_ORDER, "wrong-order", "does the steps in another order",
    "Both sides of a protocol have to agree on who speaks first. When each waits for the other, nothing happens any more.";

    HANGS, "hangs", "does not end",
    "The conversation is over, but the program still waits for something. Look at the call it is in: which event is to \
     wake it up, and can that still happen?";

    ENDS_WITH_ERROR, "ends-with-error", "ends with an error after a good conversation",
    "The other side saw nothing wrong, but the program ended with an exit code other than 0. When the other side closes, recv gives \
     nothing: that is how a conversation usually ends, and no failure.";

    SILENT_FAILURE, "silent-failure", "reports success although it failed",
    "A program that could not do its work has to end with an exit code other than 0, and say what was wrong on stderr. \
     Otherwise no script and no colleague can tell.";

    NOT_PRINTED, "not-printed", "does not print what came",
    "The bytes were delivered (the system took them), but the text is missing in the program's output. Print all of the \
     answer once it is complete.";

    SAYS_NOTHING, "says-nothing", "does not say what it is connected with",
    "The program has to print the address of the other side as soon as it is connected with it. If yours does and the line is missing \
     here: in C, Ruby or Perl a terminal shows a line when it ends. End it with a line end, or send it out at once: fflush(stdout) \
     after printf, $stdout.sync = true, $| = 1.";

    BARE_LF, "bare-lf", "ends its lines with LF instead of CRLF",
    "In HTTP every line of the head ends with carriage return and line feed, \\r\\n (RFC 9112, section 2.1). Some servers \
     forgive a bare \\n, others answer 400 or wait forever.";

    NO_HOST, "no-host", "leaves out the Host line",
    "One machine serves many sites, so an HTTP/1.1 request has to name the one it wants in a Host line (RFC 9112, section \
     3.2). Without it a server has to answer 400.";

    NO_BLANK_LINE, "no-blank-line", "leaves out the empty line that ends the request",
    "The head of an HTTP request ends with an empty line: \\r\\n\\r\\n. Until it comes, the server takes the request for \
     incomplete and waits, and so do you.";

    BAD_REQUEST, "bad-request", "does not send a GET request of HTTP/1.1",
    "A request begins with the method, the path and the version, each parted by one blank: GET / HTTP/1.1. Servers refuse \
     anything else.";

    UDP_WAITS_FOREVER, "udp-waits-for-ever", "waits forever for a datagram that was lost",
    "UDP does not deliver for certain, and no one tells you about a loss. Set a time limit on the socket, send the request \
     again when it has run out, and give up with an error after a few tries.";

    UDP_COUNTS_RESEND, "udp-counts-resend", "shows one answer twice, or counts one guess as two",
    "A request that is sent again may be answered twice, and a datagram may be doubled on its way. An answer counts once: \
     whatever comes after it belongs to no client.";

    UDP_LATE_ANSWER, "udp-late-answer", "mistakes a late answer for the current one",
    "An answer that was slow on its way can arrive when you already wait for the next one. Something has to tie an answer \
     to its request: a number in both, or a fresh socket (so a fresh port) for each request.";

    UDP_SPENDS_TRIES, "udp-spends-tries", "gives up a try for each datagram that is not the answer",
    "A datagram that is not the answer says nothing about the one that is: it may still be on its way. Ignore it, and receive \
     again in what is left of the time limit. Only when the time has run out is the try over.";

    UDP_PROLONGS, "udp-prolongs", "starts its time limit again with each datagram that is not the answer",
    "settimeout is a limit for each recv, not for the whole wait: whoever keeps sending keeps the program waiting forever. \
     Note when the wait has to end (time.monotonic() + limit), and give each recv what is left until then.";

    UDP_ANY_SENDER, "udp-any-sender", "accepts a datagram from any sender",
    "A UDP socket receives whatever is sent to its port. recvfrom tells you who sent it: compare that with the server's \
     address, or call connect on the socket, so that the system drops what comes from others.";

    UDP_DIES_ON_DATAGRAM, "udp-dies-on-datagram", "one bad datagram ends the server",
    "Anybody can send a datagram: an empty one, a huge one, or bytes that are not text. Handle each one by itself, catch \
     what goes wrong with it, and continue with the next.";

    UDP_ICMP, "udp-icmp", "a client that has gone ends the server",
    "When an answer goes to a port that has been closed, the other machine reports it (ICMP port unreachable), \
     and a later call on the socket may raise ConnectionRefusedError. It is about that one client: continue.";

    UDP_TRUNCATES, "udp-truncates", "receives less than a whole datagram",
    "recvfrom gives one datagram, and what does not fit into the buffer is lost for good. Give it room for the largest \
     one: 65,507 bytes over IPv4.";

    UDP_ENDS_AT_ONCE, "udp-ends-at-once", "the program ended before it had answered any client",
    "A server stays in an endless loop of recvfrom and sendto. This one had ended by then; what it printed last is quoted below \
     and usually names the line.";

    UDP_NOT_BOUND, "udp-not-bound", "no UDP socket is bound to the port",
    "A datagram finds a program only by the port to which it has bound a socket of the right kind: SOCK_DGRAM, with the port \
     from the command line ({port}). A TCP socket with the same number is another place.";

    UDP_NOT_RECEIVED, "udp-not-received", "no recv takes the datagram out of the queue",
    "The system keeps datagrams for a bound socket until the program calls recvfrom. Here they wait: the program is in some \
     other call, or at its end.";

    UDP_OTHER_PORT, "udp-other-port", "answers from another port than the one that was asked",
    "To the client the server is an address with a port. An answer from any other is a stranger's: a client that looks at the \
     sender, or has called connect, never sees it. Answer with the socket that received the question.";

    UDP_WRONG_CLIENT, "udp-wrong-client", "sends an answer to a client that did not ask",
    "One UDP socket serves all clients, and nothing connects it with one of them. Each recvfrom gives a datagram together with \
     the address, host and port, of the sender of this one: the answer goes exactly there.";

    UDP_FIRST_ONLY, "udp-first-only", "serves only its first client",
    "A server that is meant to keep running has recvfrom and sendto in an endless loop, and never calls connect: on a UDP socket that \
     lets in one sender only. The next datagram may come from anybody.";

    UDP_AS_STREAM, "udp-as-stream", "treats datagrams as pieces of a stream",
    "TCP carries a stream of bytes, UDP single messages: one sendto is one datagram, and one recvfrom gives exactly one, whole. \
     Nothing has to be put together, and what is sent in two datagrams is two messages, which may even change places.";

    UDP_EMPTY_IS_END, "udp-empty-is-end", "treats an empty datagram as the end",
    "With TCP an empty recv means that the other side has closed. UDP has no connection that could end, and a datagram of no bytes \
     is a message like any other. Test for nothing, and wait for the next datagram.";

    UDP_DROPS_COPIES, "udp-drops-copies", "does not answer a message that comes again",
    "A client sends again because no answer has reached it, and perhaps it was the answer that got lost. Who keeps quiet since it \
     has answered already leaves that client without an answer forever. Answer the copy as well.";

    UDP_LEAKS, "udp-leaks-descriptors", "opens something for each datagram and does not close it",
    "Every socket is an open descriptor of the system, and a process may have about a thousand. UDP needs one socket for all \
     clients; whatever else is opened for an answer has to be closed after it.";

    UDP_SPINS, "udp-spins", "asks for datagrams in a busy loop",
    "A socket that does not block says at once that nothing has come, and asking it again and again keeps a processor busy for \
     nothing. Let recvfrom wait (setblocking(True), without a short time limit), or wait with select.";

    UDP_SENDS_NOTHING, "udp-sends-nothing", "sends no datagram to the server",
    "No datagram reached the server's port. There is no handshake in UDP: connect on such a socket sends nothing, and sendto to \
     a wrong port tells you nothing. Check that the port comes from the command line, and that sendto is reached.";

    UDP_NO_RESEND, "udp-no-resend", "gives up after one lost datagram",
    "UDP loses datagrams, and the sender is the only one who can do something about it. A time limit on the socket notices the loss; \
     then send the request again, and give up only after a few tries.";

    GUESS_DIRECTION, "guess-direction", "says HIGHER where it should say LOWER",
    "HIGHER tells the player that the number is higher than the guess, so the next guess has to be higher: secret > guess. It is \
     easily turned around, since guess < secret is the same and reads the other way.";

    GUESS_REDRAWS, "guess-redraws", "draws a new number for each guess",
    "The number is drawn once, before the loop. Drawn inside it, each guess meets another number, and the answers lead nowhere.";

    GUESS_OWN_NUMBER, "guess-own-number", "has a number for each address",
    "A client may take a fresh socket, and so another port, for every guess: its address is not a name for the player. The \
     exercise has one number for all; a server that keeps nothing about its clients has nothing to confuse.";

    GUESS_RANGE, "guess-range", "does not take every number from 1 to 100",
    "1 and 100 belong to the range. In Python range(1, 100) and randrange(1, 100) end before 100; randint(1, 100) does not. Check \
     with 1 <= guess <= 100.";

    GUESS_TEXT, "guess-text", "compares numbers as text",
    "What arrives is text, and as text \"9\" is greater than \"10\": it is compared letter by letter. Turn the guess into a \
     number first (int, parse), and then compare.";

    GUESS_NEVER_CORRECT, "guess-never-correct", "steps over its own number",
    "Going up, the answers change from HIGHER to LOWER without a CORRECT between them. There are three cases, greater, less and \
     equal; >= takes the third one along. Test for equality, or use > and < and leave the rest to else.";

    GUESS_NEW_GAME, "guess-new-game", "forgets its number as soon as a player has found it",
    "The answer CORRECT may be lost on its way; then the winner sends the same guess again, and has to hear CORRECT again. A number \
     that is drawn again at once turns the winner's own guess into a wrong one.";

    GUESS_WINNER_ENDS, "guess-winner-ends", "the first winner ends the server",
    "One player has found the number, the others have not, and perhaps the winner's answer was lost. The server keeps running: it knows \
     nothing of who plays.";

    GUESS_NO_NUMBER, "guess-no-number", "accepts what is not a number",
    "Some functions give 0, or the digits at the beginning, where there is no number: atoi in C, parseInt in JavaScript. The player \
     then hears HIGHER about a guess that was never made. Look whether all of the text is a number, and say so if not.";

    GUESS_ENDS_EARLY, "guess-ends-early", "stops playing before the number is found",
    "HIGHER and LOWER ask for another guess: reading a guess, sending it and showing the answer stand in a loop, which only CORRECT \
     ends.";

    GUESS_GOES_ON, "guess-goes-on", "does not end when the number is found",
    "After CORRECT there is nothing to ask for: leave the loop and end. Mind that what is compared is text, not bytes (in Python \
     b\"CORRECT\" is not \"CORRECT\"), and whole.";

    GUESS_DIES_ON_TYPO, "guess-dies-on-typo", "a typing error ends the game",
    "People mistype. int(\"abc\") raises a ValueError, and uncaught it ends the program. Catch it and ask again, or send what was \
     typed and show what the server says to it.";

    GUESS_IGNORES_END, "guess-ignores-end", "keeps asking when its input has ended",
    "At the end of input readline gives nothing, again and again, and input raises EOFError. It is not an empty guess: end the program \
     there.";

    WS_HANDSHAKE, "ws-handshake", "does not open a WebSocket",
    "A WebSocket begins as an HTTP request: GET with HTTP/1.1, Upgrade: websocket, Connection: Upgrade, \
     Sec-WebSocket-Version: 13 and a random Sec-WebSocket-Key (RFC 6455, section 4.1). Only after the answer 101 may frames \
     be sent.";

    WS_SUBPROTOCOL, "ws-subprotocol", "does not say that it speaks WAMP",
    "What travels in the frames is agreed on when the WebSocket is opened: the client offers its subprotocols, the server picks \
     one. WAMP in JSON is wamp.2.json; a router refuses a client that does not offer it.";

    WS_UNMASKED, "ws-unmasked", "sends frames without a mask",
    "Every frame from a client is masked with four random bytes, and a server must close the connection when one is not (RFC \
     6455, section 5.1). The other direction has no mask.";

    WS_BAD_FRAME, "ws-bad-frame", "sends a frame that the standard does not know",
    "A frame's first byte holds the last-frame bit, three reserved bits that are 0, and the opcode: 1 text, 0 its continuation, 8 \
     close, 9 ping, 10 pong (RFC 6455, section 5.2). The length follows, in one, three or nine bytes.";

    WS_FRAME_FOR_MESSAGE, "ws-frame-for-message", "treats one frame as one message",
    "A message may be cut into several frames: the first has the opcode, the others are continuations, and the last one has the \
     last-frame bit. Pings may come in between. Put the frames together until that bit is set, and only then read \
     the message.";

    WS_NO_PONG, "ws-no-pong", "does not answer a ping",
    "A ping asks whether anybody is there, at any moment, also between the frames of a message. The answer is a pong \
     with the same bytes (RFC 6455, section 5.5.2); who does not send it is taken for dead.";

    WAMP_NO_MESSAGE, "wamp-no-message", "sends something that is not a message of WAMP",
    "Each message of WAMP is an array whose first element is a number that says what it is: [1, \"realm1\", {}] is HELLO. Text \
     frames hold it as JSON, one message in one WebSocket message.";

    WAMP_NO_HELLO, "wamp-no-hello", "does not join the realm",
    "The first message on the WebSocket is the client's: [1, REALM, DETAILS], with its roles in the details. Nothing else may \
     be said before the router's WELCOME.";

    WAMP_NOT_REGISTERED, "wamp-not-registered", "does not register what it offers",
    "A procedure can be called once its name is registered: [64, REQUEST, {}, NAME], answered by [65, REQUEST, REGISTRATION]. Calls \
     then come as INVOCATION with that registration's number.";

    WAMP_WRONG_ID, "wamp-wrong-id", "ties its answer to another request",
    "Many requests are in flight at once, and answers may come in any order. Only the number in the request says which answer \
     belongs to it: keep it with the work that it belongs to, never in one place for all.";

    WAMP_NO_ERROR, "wamp-no-error", "has no error where there is no result",
    "What cannot be done is answered too: [8, 68, REQUEST, {}, NAME, [TEXT]] from a service. Its name is what the caller can \
     decide by. A null as the result looks like success, and no answer at all like a lost network.";

    WAMP_NO_EVENT, "wamp-no-event", "does not tell others what has changed",
    "Who only watches does not ask again and again: the service publishes each change on a topic, [16, REQUEST, {}, TOPIC, [VALUE]], \
     and the router passes it on to all who have subscribed.";

    WAMP_NO_GOODBYE, "wamp-no-goodbye", "leaves without a word when it is asked to go",
    "A session is closed by both: GOODBYE is answered with [6, {}, \"wamp.close.goodbye_and_out\"], and only then is the WebSocket \
     closed. So nothing that was on its way is lost.";

    COUNTS_TWICE, "counts-twice", "does twice what was asked for once",
    "When no answer comes a caller cannot know whether the work was done. It may ask again only if the service can tell the \
     second request from a new one: by a key that the caller chose, kept together with the result.";

    FORGETS, "forgets", "loses its state when it is killed",
    "A process can end at any moment, and its memory ends with it. What has been confirmed has to be on the disk before the answer \
     goes out (write, then fsync), and read again at the start.";

    STAYS_AWAY, "stays-away", "does not come back when its router was gone",
    "Connections break, and routers are started again. A service that is to be found under its name connects again \
     (with a pause that grows) and registers again: its registrations ended with the old session.";

    ENDS_WITH_FAILURE, "ends-with-failure", "ends with an error although nothing is in its way",
    "The program did not come to its end. What it printed last is quoted below and usually names the line: a misspelt name, a call \
     with the wrong arguments, or a file that is not there.";

    SOCKET_NONE, "socket-none", "never asks the system for a socket",
    "To import the module and to name AF_INET and SOCK_STREAM makes no socket. Only the call does: socket.socket(AF_INET, \
     SOCK_STREAM), and in C socket(AF_INET, SOCK_STREAM, 0). Some libraries put it off until you connect.";

    SOCKET_KIND, "socket-kind", "asks for another kind of socket",
    "The first argument is the family of addresses, AF_INET for IPv4; the second the kind of service, SOCK_STREAM for a stream, \
     which is TCP. SOCK_DGRAM is UDP, and a program that connects with it will find no TCP server.";

    SOCKET_NOT_SAID, "socket-not-said", "does not say that it has a socket",
    "The exercise's line is Socket Created, in these letters. Somebody who runs the program, or a script that reads its output, \
     has nothing else to go by.";

    SOCKET_SAID_ANYWAY, "socket-said-anyway", "reports success before it is certain, or in any case",
    "The line Socket Created is where it is printed after a failure as well. Print it after the call that can fail, and on that \
     way only: in else, or after an except that ends the program.";

    SOCKET_NOT_CAUGHT, "socket-not-caught", "does not catch the failure",
    "A call that fails raises OSError, and without a matching except around that very call it ends the program. The sheet's own \
     except (socket.error, msg) catches nothing: Python 3 looks for a name msg and raises a NameError. Write except OSError as error.";

    SOCKET_NO_REASON, "socket-no-reason", "does not say why the call failed",
    "Every failed call has a number (errno) and a text that belongs to it: in Python error.errno and error.strerror. Without them \
     nobody can tell too many open files from a missing right.";

    SCAN_NOTHING, "scan-nothing", "reports no open port",
    "An open port is one whose handshake succeeds: connect returns, connect_ex gives 0. Nothing needs to be sent, and nothing has \
     to be received: many services wait for the client to speak. Print the number of each such port.";

    SCAN_MISSES, "scan-misses", "misses open ports",
    "connect succeeds wherever somebody listens. If some are missed, look at what else can go wrong on the way: a time limit \
     that is too short, an exception that ends a thread, a port that no loop reaches, a socket that is used again although it is \
     connected.";

    SCAN_FALSE, "scan-false", "reports ports that are not open",
    "A refused connection (ECONNREFUSED) is a closed port: connect raises an error, connect_ex gives a number other than 0. \
     Only success means open.";

    SCAN_ONE_SOCKET, "scan-one-socket", "uses one socket for all ports",
    "A socket connects once. After the first open port it is connected, and says nothing about the next ports: connect_ex may give \
     0 once more, and then only errors (EISCONN). Make a socket for each port, and close it.";

    SCAN_BOTH, "scan-both", "reports one port both as open and as closed",
    "The line for closed ports is printed after the one for open ports as well. It belongs on the other way only: in else, or in the \
     except that belongs to connect.";

    SCAN_EDGES, "scan-edges", "leaves out a port at the end of the range",
    "Both ends belong to a range of ports. Python's range(first, last) ends before last: write range(first, last + 1). The last port \
     of all is 65535.";

    SCAN_BINDS, "scan-binds", "reports a port that is in use as open",
    "bind fails for every port that somebody has bound, also one that only sends from there, or that never called listen. Whether a \
     port is open shows only by connecting to it, as a client would.";

    SCAN_NO_TIMEOUT, "scan-no-timeout", "waits for a port that does not answer",
    "A firewall drops the SYN, or a queue is full, and nothing comes back. The system repeats the SYN for about two minutes. Set a \
     time limit before connect (settimeout), and continue with the next port.";

    SCAN_ERROR_OPEN, "scan-error-open", "reports a port as open after any other error",
    "There are more answers than open and refused: no answer in time, no route, no descriptor left. Only a connect that succeeds says \
     that a port is open.";

    SCAN_LEAKS, "scan-leaks", "runs out of descriptors and reports the ports as closed",
    "Every socket is a descriptor, and a process may have only so many (ulimit -n). Close each one before the next. An error of \
     your own machine (EMFILE, too many open files) says nothing about the port: try it again later.";

    SCAN_NAME, "scan-name", "does not take a host by its name",
    "People type names. connect resolves one itself; gethostbyname gives its address once, which is better than asking for every \
     port again.";

    NAME_NOT_RESOLVED, "name-not-resolved", "does not take a host by its name",
    "People know names, connect wants an address: gethostbyname (or getaddrinfo) finds it, in the hosts file or from a name server, \
     and gives an address as it is back unchanged. inet_aton only reads numbers.";

    RESOLVER_NOT_CAUGHT, "resolver-not-caught", "does not say that a name has no address",
    "Resolving a name fails with its own kind of error (socket.gaierror in Python), before any connection is tried. Catch it around that \
     very call, say so, and end: there is nothing to connect to.";

    FIXED_TEXT, "fixed-text", "prints what it expects instead of what came",
    "The line on the screen has to be made of what recv gave. A text that is written into the program looks right in every run, also in those \
     in which the server said something else.";

    HTTP_DECODES, "http-decodes", "expects every page to be UTF-8",
    "Which letters the bytes of a page mean is said in its own head (charset), and a picture means none at all. Print the bytes as \
     bytes, or decode them as the head says; never take decode for granted.";

    HTTP_KEPT_OPEN, "http-kept-open", "waits for an end that does not come",
    "With HTTP/1.1 a server keeps the connection open for the next request, unless one side says Connection: close. Say so in the \
     request, or read as many bytes as Content-Length tells, and no further.";

    WAMP_FLOODS, "wamp-floods", "sends messages without end",
    "A router hears nothing else while messages come that nobody asked for. Usually a loop sends where it should wait: publish an \
     event when something has changed, and then read the next message.";

    FAILS_TESTS, "fails-tests", "does not pass the exercise's tests",
    "The tests run your programs next to their twins in Python. What yours print has to be what twin.py prints, word by word, also in \
     errors and hints. The test that fails is named above: cargo test -p tests --test exercises NAME plays it alone.";

    FLOODS, "floods", "prints without end",
    "The program printed more than anybody can read, and was stopped for it. Usually a loop continues after the connection has \
     ended.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_misconception_has_a_name_of_its_own_and_sentences() {
        let mut ids: Vec<_> = ALL.iter().map(|m| m.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
        for one in ALL {
            assert!(one.text.ends_with(['.', '?']), "{}", one.id);
            assert!(!one.title.ends_with('.'), "{}", one.id);
        }
    }
}
