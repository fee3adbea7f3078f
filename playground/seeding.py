"""The server that the playground begins with: a town with a few channels, and people to act as.

Ids are the same each time, because Mynah's database remembers consent, settings and talk by them.
"""

from dataclasses import dataclass

import discord
from simcord.backend.models import Channel, Overwrite, Role
from simcord.enums import ChannelType, OverwriteType

from playground.people import People
from playground.world import World

BOT_ID = 1000000000000000001
GUILD_ID = 1000000000000000100
MODERATORS_ID = 1000000000000000201
ADMINS_ID = 1000000000000000202
CHANNEL_IDS = 1000000000000000300
PEOPLE_IDS = 1000000000000000400
BOT_NAME = "Mynah"
GUILD_NAME = "Lantern Town"

_CHANNELS = (
    ("welcome", "Who we are, and what the bot is.", False),
    ("general", "About everything. Mention @Mynah to talk to it.", False),
    ("chat-with-mynah", "Here it is nice to talk with the bot.", False),
    ("games", "Game night is on Friday.", False),
    ("moderators", "Only moderators and the bot see this.", True),
    ("review", "Set this as the review channel with /config.", True),
)
_PEOPLE = (
    ("Mira", "member", "bakes bread, asks a lot"),
    ("Jonas", "member", "plays chess, types fast"),
    ("Priya", "moderator", "reviews what may be learnt"),
    ("Tomas", "moderator", "a second pair of eyes"),
    ("Ada", "admin", "runs the server: /learning, /retrain, /model"),
    ("Grim", "troll", "tries to make the bot say and learn bad things"),
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """Where things are."""

    guild_id: int
    channels: dict[str, int]
    people: People


def seed(world: World) -> Seeded:
    """Make the server, its channels, roles and people."""
    owner = world.make_user("mayor", global_name="Mayor")
    guild = world.create_guild(GUILD_NAME, id=GUILD_ID, owner_id=owner.id)
    _limit_bot(world)
    _role(
        world, MODERATORS_ID, "Moderators", discord.Permissions(manage_messages=True, moderate_members=True), 0x3498DB
    )
    _role(world, ADMINS_ID, "Admins", discord.Permissions(manage_guild=True, manage_messages=True), 0xE67E22)
    channels = {}
    for index, (name, topic, is_private) in enumerate(_CHANNELS):
        channel = _channel(world, CHANNEL_IDS + index, name, topic, is_private=is_private)
        channels[name] = channel.id
    people = People(world, guild.id)
    roles = {"moderator": [MODERATORS_ID], "admin": [ADMINS_ID]}
    for index, (name, label, about) in enumerate(_PEOPLE):
        people.join(name, label=label, about=about, role_ids=roles.get(label, []), user_id=PEOPLE_IDS + index)
    return Seeded(guild.id, channels, people)


def _limit_bot(world: World) -> None:
    """The bot gets what its invitation asks for, not everything."""
    may = discord.Permissions(
        view_channel=True,
        send_messages=True,
        send_messages_in_threads=True,
        embed_links=True,
        attach_files=True,
        read_message_history=True,
        add_reactions=True,
    )
    for role in world.guilds[GUILD_ID].roles.values():
        if role.managed:
            role.permissions = may.value


def _role(world: World, role_id: int, name: str, may: discord.Permissions, color: int) -> Role:
    guild = world.guilds[GUILD_ID]
    role = Role(
        id=world.reserve_id(role_id),
        name=name,
        permissions=may.value,
        position=len(guild.roles),
        color=color,
        hoist=True,
    )
    guild.roles[role_id] = role
    return role


def _channel(world: World, channel_id: int, name: str, topic: str, *, is_private: bool) -> Channel:
    channel = world.create_channel(GUILD_ID, name, type=ChannelType.TEXT, topic=topic, announce=False)
    guild = world.guilds[GUILD_ID]
    del world.channels[channel.id]
    del world.messages[channel.id]
    guild.channel_ids[guild.channel_ids.index(channel.id)] = channel_id
    channel.id = world.reserve_id(channel_id)
    world.channels[channel_id] = channel
    world.messages[channel_id] = {}
    if is_private:
        channel.overwrites = _only_for_staff(world)
    return channel


def _only_for_staff(world: World) -> list[Overwrite]:
    see = discord.Permissions(view_channel=True).value
    staff = [MODERATORS_ID, ADMINS_ID, *(role.id for role in world.guilds[GUILD_ID].roles.values() if role.managed)]
    hidden = Overwrite(GUILD_ID, OverwriteType.ROLE, deny=see)
    return [hidden, *(Overwrite(role_id, OverwriteType.ROLE, allow=see) for role_id in staff)]
