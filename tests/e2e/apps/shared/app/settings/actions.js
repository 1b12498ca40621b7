"use server";
import { seen } from "../../lib.js";

export async function save(_before, fields) {
  const { user } = await seen();
  return `${user} saved ${fields.get("text")}`;
}

export async function tell() {
  const { user } = await seen();
  return `told ${user}`;
}
