// What the tag shares with the stub, which is on the page before it: its functions, handed over in `anytrack.h` so that
// a first visit does not load them twice.
//
// Owns nothing. Without a stub of this version there is nothing here, and the tag then does not start.
export const [newId, orderId, MAIL, trim, bytes] = (window.anytrack || {}).h || [];
