export {
  type Account,
  DEFAULT_GUEST_LIMITS,
  type Guest,
  type GuestLimits,
  type HostFunction,
  type HostInstance,
  type HostModule,
  type Invocation,
  type Outcome,
  type PreparedModule,
} from "./guest.ts";
