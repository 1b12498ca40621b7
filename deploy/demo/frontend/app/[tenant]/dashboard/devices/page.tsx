import { Devices } from "@/components/devices";

export default function DevicesPage() {
  return (
    <>
      <h1 data-testid="devices-title">Where you are signed in</h1>
      <Devices />
    </>
  );
}
