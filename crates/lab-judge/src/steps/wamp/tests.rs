use super::*;

#[test]
fn a_frames_size_is_known_as_soon_as_its_head_is_there() {
    assert_eq!(size(&[0x81]), None);
    assert_eq!(size(&[0x81, 5]), Some((2, 5)));
    assert_eq!(size(&[0x81, 0x85, 1, 2, 3]), None);
    assert_eq!(size(&[0x81, 0x85, 1, 2, 3, 4]), Some((6, 5)));
    assert_eq!(size(&[0x81, 126, 1]), None);
    assert_eq!(size(&[0x81, 126, 1, 0]), Some((4, 256)));
    assert_eq!(
        size(&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        Some((10, 65_536))
    );
}

#[test]
fn a_frame_is_as_long_as_its_head_says() {
    for length in [0, 1, 125, 126, 65_535, 65_536] {
        let frame = frame(TEXT, true, &vec![b'x'; length]);
        let (head, content) = size(&frame).unwrap();
        assert_eq!((head + content, content), (frame.len(), length));
    }
}
