//! Messages and the envelopes around them (docs/lxca-api.md, Status envelopes). The pages have three families of them:
//!
//! - A, for sessions: `result` and `messages` at the top.
//! - B, for what the repositories return: `status` with both of them, beside the data.
//! - C, for what the repositories do, and for the status call: `errorMsg` with both of them, beside the data.

use serde_json::{Map, Value, json};

use crate::reply::Reply;

/// A message the appliance can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub id: &'static str,
    pub text: &'static str,
    /// The text in Brazilian Portuguese.
    pub portuguese: &'static str,
    pub explanation: &'static str,
    pub recovery: &'static str,
}

/// The repository did what it was asked for.
pub(crate) const REPOSITORY_DONE: Message = Message {
    id: "FQXHMUP2500I",
    text: "Repository operation completed successfully.",
    portuguese: "A operação do repositório foi concluída com êxito.",
    explanation: "",
    recovery: "",
};

/// A request of the session family succeeded.
pub(crate) const COMPLETED: Message = Message {
    id: "FQXHMSE0001I",
    text: "The request completed successfully.",
    portuguese: "A solicitação foi concluída com êxito.",
    explanation: "",
    recovery: "Information only; no action is required.",
};

/// A login was refused. The ID for a locked account or too many sessions is not documented; it is this one too.
pub(crate) const LOGIN_FAILED: Message = Message {
    id: "FQXHMSE0291J",
    text: "The request to log in could not be completed successfully.",
    portuguese: "A solicitação de login não pôde ser concluída com êxito.",
    explanation: "The user name or password is not valid.",
    recovery: "Log in with the correct user name and password, or ask your administrator to reset the password.",
};

/// The current password is not the one that was given.
pub(crate) const PASSWORD_NOT_RIGHT: Message = Message {
    id: "FQXHMSE0251J",
    text: "The request to change the password could not be completed: the current password is not correct.",
    portuguese: "A solicitação para alterar a senha não pôde ser concluída: a senha atual não está correta.",
    explanation: "The current password could not be authenticated.",
    recovery: "Enter the correct current password, and attempt the operation again.",
};

/// A new password does not follow the rules. The markup in the recovery is as recorded.
pub(crate) const PASSWORD_NOT_ACCEPTED: Message = Message {
    id: "FQXHMSE0252J",
    text: "The request to change the password could not be completed: the new password violates the password rules.",
    portuguese: "A solicitação para alterar a senha não pôde ser concluída: a nova senha viola as regras de senha.",
    explanation: "The new password does not follow the password rules.",
    recovery: "Choose a password that follows the <a href=\"/ui/help/password_rules\" target=\"_blank\">rules</a>.",
};

/// A task was cancelled.
pub(crate) const CANCELLED: Message = Message {
    id: "FQXHMUP4086F",
    text: "The update task was canceled.",
    portuguese: "A tarefa de atualização foi cancelada.",
    explanation: "",
    recovery: "",
};

// The documents give no IDs for the refusals below. These have the documented form, and numbers we made up.

/// A request of the repositories is not valid.
pub(crate) const NOT_VALID: Message = Message {
    id: "FQXHMUP9400J",
    text: "The request is not valid: a parameter or an attribute is missing, or has a wrong value.",
    portuguese: "A solicitação não é válida: um parâmetro ou atributo está ausente ou incorreto.",
    explanation: "",
    recovery: "",
};

/// Something that was asked for does not exist.
pub(crate) const NOT_FOUND: Message = Message {
    id: "FQXHMUP9404J",
    text: "The specified resource was not found.",
    portuguese: "O recurso especificado não foi encontrado.",
    explanation: "",
    recovery: "",
};

/// A request is in the way of a job.
pub(crate) const CONFLICT: Message = Message {
    id: "FQXHMUP9409J",
    text: "The request is in conflict with a job that is running.",
    portuguese: "A solicitação está em conflito com uma tarefa em execução.",
    explanation: "",
    recovery: "",
};

/// There is not enough space for an import.
pub(crate) const NO_SPACE: Message = Message {
    id: "FQXHMUP9507J",
    text: "There is not enough space in the repository.",
    portuguese: "Não há espaço suficiente no repositório.",
    explanation: "",
    recovery: "",
};

/// A job ended with an error.
pub(crate) const OPERATION_FAILED: Message = Message {
    id: "FQXHMUP9501L",
    text: "The repository operation failed.",
    portuguese: "A operação do repositório falhou.",
    explanation: "",
    recovery: "",
};

/// No credentials, or a session that has ended.
pub(crate) const NOT_AUTHENTICATED: Message = Message {
    id: "FQXHMSE9401J",
    text: "The user cannot be authenticated.",
    portuguese: "O usuário não pode ser autenticado.",
    explanation: "Authentication has not been provided or has failed.",
    recovery: "Log in, and attempt the operation again.",
};

/// The user may not do this.
pub(crate) const FORBIDDEN: Message = Message {
    id: "FQXHMSE9403J",
    text: "The request is not permitted.",
    portuguese: "A solicitação não é permitida.",
    explanation: "",
    recovery: "Ensure that you have privileges to perform the request.",
};

/// The password must be changed first.
pub(crate) const PASSWORD_CHANGE: Message = Message {
    id: "FQXHMSE9412J",
    text: "The password must be changed before the request can be performed.",
    portuguese: "A senha deve ser alterada antes que a solicitação possa ser executada.",
    explanation: "",
    recovery: "Change the password, and attempt the operation again.",
};

/// Something of the server itself went wrong, or a fault says so.
pub(crate) const SERVER_ERROR: Message = Message {
    id: "FQXHMSE9500M",
    text: "The request could not be completed.",
    portuguese: "A solicitação não pôde ser concluída.",
    explanation: "",
    recovery: "",
};

const ALL: [Message; 15] = [
    REPOSITORY_DONE,
    COMPLETED,
    LOGIN_FAILED,
    PASSWORD_NOT_RIGHT,
    PASSWORD_NOT_ACCEPTED,
    CANCELLED,
    NOT_VALID,
    NOT_FOUND,
    CONFLICT,
    NO_SPACE,
    OPERATION_FAILED,
    NOT_AUTHENTICATED,
    FORBIDDEN,
    PASSWORD_CHANGE,
    SERVER_ERROR,
];

/// The Portuguese text of the message with this ID.
pub(crate) fn portuguese(id: &str) -> Option<&'static str> {
    let found = ALL.iter().find(|message| message.id == id);
    found.map(|message| message.portuguese)
}

/// Family A: `result` and `messages` at the top, with explanation and recovery (an object, in spite of the tables).
pub(crate) fn family_a(result: &str, message: Message) -> Value {
    json!({
        "result": result,
        "messages": [{
            "id": message.id,
            "text": message.text,
            "explanation": message.explanation,
            "recovery": { "text": message.recovery, "URL": "" },
        }],
    })
}

/// A refusal of family A.
pub(crate) fn refuse(status: u16, message: Message) -> Reply {
    Reply::json(status, family_a("failure", message))
}

/// The envelope of the families B and C.
pub(crate) fn envelope(result: &str, message: Message) -> Value {
    json!({ "result": result, "messages": [{ "id": message.id, "text": message.text }] })
}

/// Family B, for what the repositories return: `status` beside the data.
pub(crate) fn found(data: Map<String, Value>) -> Reply {
    beside(200, data, "status", envelope("informational", REPOSITORY_DONE))
}

/// A refusal of family B.
pub(crate) fn not_found(status: u16, message: Message) -> Reply {
    beside(status, Map::new(), "status", envelope("failure", message))
}

/// Family C, for what the repositories do: `result` and `errorMsg` beside the data.
pub(crate) fn done(mut data: Map<String, Value>) -> Reply {
    data.insert("result".into(), "success".into());
    beside(200, data, "errorMsg", envelope("informational", REPOSITORY_DONE))
}

/// A refusal of family C.
pub(crate) fn not_done(status: u16, message: Message) -> Reply {
    let data = Map::from_iter([("result".to_owned(), "failure".into())]);
    beside(status, data, "errorMsg", envelope("failure", message))
}

fn beside(status: u16, mut data: Map<String, Value>, key: &str, envelope: Value) -> Reply {
    data.insert(key.into(), envelope);
    Reply::json(status, Value::Object(data))
}
