export { coversAddress, formatAddress, type ListenAddress, parseListenAddress, urlOf } from "./address.ts";
export { AddressInUseError, BindError } from "./bind-error.ts";
export { bindListener, boundPort, type Listener } from "./listener.ts";
export { findPortHolder } from "./port-holder.ts";
