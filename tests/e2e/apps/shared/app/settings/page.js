import { Poll, SaveForm, Tell } from "../../components/buttons.js";
import { seen } from "../../lib.js";

export default async function Settings() {
  await seen();
  return <main><h1 data-testid="settings">Settings</h1><SaveForm /><Tell /><Poll /></main>;
}
