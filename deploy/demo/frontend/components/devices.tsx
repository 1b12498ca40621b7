"use client";

import { DeviceList, useSession, withSession } from "@sidgate/nextjs";

/** A page that only the browser renders: it guards itself, and follows when another tab or device signs out. */
export const Devices = withSession(
  function Devices() {
    const { user } = useSession();
    return (
      <>
        <p className="lead">
          Every browser in which <span data-testid="devices-user">{user?.name ?? user?.email ?? user?.id}</span> is signed in. End
          one, and it is signed out with its next request.
        </p>
        <DeviceList className="card devices" redirect="/auth/signin" data-testid="devices" />
      </>
    );
  },
  { fallback: <p className="waiting">...</p> },
);
