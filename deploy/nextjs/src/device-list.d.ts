import type { HTMLAttributes, ReactElement } from "react";

export interface DeviceListProps extends HTMLAttributes<HTMLDivElement> {
  /** Where to go after one's own session was ended; "/" unless given, nowhere with false. */
  redirect?: string | false;
  /** Texts instead of the kit's: `current`, `end`, `others`, `all`, and one per code of the gateway. */
  texts?: Record<string, string>;
}

export function DeviceList(props: DeviceListProps): ReactElement;
